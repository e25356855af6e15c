"""Encoders over frames and folders of images: feature maps, in memory and in files."""
