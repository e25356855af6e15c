"""Maps, scores and masks that other tools left on disk."""
