"""ARKitScenes: frames matched by time, boxes as labels."""
