"""Students are taught by published feature sets, and speak for every point: ingest/distill.py is the flow."""
