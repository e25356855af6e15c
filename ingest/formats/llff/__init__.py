"""LLFF: poses and bounds, and the masks of 3D-OVS."""
