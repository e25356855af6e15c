"""How well rare things are found among all scenes."""
