"""CLIP towers by open_clip: weights, dense maps, texts."""
