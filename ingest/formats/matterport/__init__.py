"""Matterport3D: houses, cameras, regions and their labels."""
