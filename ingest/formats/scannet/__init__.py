"""ScanNet: recordings, exported frames, labels."""
