"""How students learn: samples of voxels, losses, the loop, its checkpoints. Knows arrays and files, no store."""
