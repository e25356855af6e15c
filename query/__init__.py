"""Asking: words and pictures become vectors, the store answers, hits become pictures. Joins models and store."""
