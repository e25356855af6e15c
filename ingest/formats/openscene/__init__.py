"""OpenScene's own files: processed scans and fused features, in and out."""
