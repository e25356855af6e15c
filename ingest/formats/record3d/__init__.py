"""Record3D: the members of an .r3d archive as frames."""
