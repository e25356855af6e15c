"""Class-agnostic 2D masks that segmenters left on disk: one file per frame, or one JSON for all frames."""
