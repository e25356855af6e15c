"""Sparse convolutions: networks over the few cells of space that hold points; wherever torch runs, nothing compiled."""
