"""COLMAP: models, workspaces, frames and points."""
