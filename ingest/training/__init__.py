"""Stored scenes as training sets for 3D networks, and what a trained network says of every point."""
