"""Weights shipped in the package; `*.json` beside each says how it was trained."""
