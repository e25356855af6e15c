"""OpenSeg: its SavedModel in a process of TensorFlow's own, and maps made of its tiles."""
