"""Objects described from crops of images, by an encoder's pooled image tower."""
