"""MinkUNet, the U-Net over voxels that OpenScene and SLidR train: the network, and its checkpoints."""
