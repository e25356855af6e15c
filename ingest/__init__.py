"""From scans to published feature sets: datasets, visibility, fusion, segmentation, pooling, the pipeline."""
