"""The frozen benchmark of retrieval: generated scenes with planted objects."""
