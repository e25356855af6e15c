"""How well features label points."""
