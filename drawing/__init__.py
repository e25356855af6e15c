"""Answers, scenes and features as images and coloured clouds."""
