"""nerfstudio and its kin: transforms.json and Polycam's keyframes."""
