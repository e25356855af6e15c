"""Lenses, and pictures made into those of pinholes."""
