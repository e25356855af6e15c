"""3D-OVS's pyramid of CLIP patches: boxes, crops, vectors in a file, and the maps made of them."""
