"""Stray Scanner: poses by frame number, images of a video or of a folder, depth that its confidence thins out."""
