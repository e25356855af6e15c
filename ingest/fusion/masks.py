"""Pixels that count for nothing: what moves, the one who holds the camera, logos; a mask is 0 there."""

from dataclasses import replace

import numpy as np

from ...core.features import Correspondence
from ...core.scene import Frame
from ..files.masks import read_mask


def unmasked(seen: Correspondence, frame: Frame) -> Correspondence:
    """What a frame sees, less what falls on masked pixels of its image."""
    if frame.mask_path is None:
        return seen
    shown = read_mask(frame)
    column, row = np.rint(seen.uv).astype(np.int64).T
    kept = shown[np.clip(row, 0, shown.shape[0] - 1), np.clip(column, 0, shown.shape[1] - 1)]
    return replace(seen, point_index=seen.point_index[kept], uv=seen.uv[kept], depth=seen.depth[kept])
