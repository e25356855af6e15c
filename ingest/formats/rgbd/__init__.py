"""Folders of posed RGB-D: what lies where, and frames made of it."""
