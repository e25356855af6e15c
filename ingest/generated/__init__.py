"""Scenes made by ray casting, with the truth known: rooms, sensor, and the writers of real file formats."""
