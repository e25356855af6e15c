"""Label sets, metrics, protocols."""
