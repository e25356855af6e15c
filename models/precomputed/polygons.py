"""Polygons as masks: the pixels whose centres lie inside."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput
from ..pictures import check_size

MAX_CORNERS = 1 << 16  # of a mask; the border of a thing that fills a large photograph has some ten thousand
_MAX_CROSSINGS = 1 << 23  # of a polygon's edges with rows of pixels


def mask_of_polygons(path: Path, height: int, width: int, polygons: object) -> NDArray[np.bool_]:
    """(H, W) the union of polygons [x, y, x, y, ...] in pixels from the image's corner; `path` is blamed."""
    check_size(path, width, height)
    found = np.zeros((height, width), bool)
    for corners in _corners(path, polygons):
        _fill(path, found, corners)
    return found


def _corners(path: Path, polygons: object) -> list[NDArray[np.float64]]:
    """(C, 2) of each."""
    listed: list[Any] = list(polygons) if isinstance(polygons, list) else []
    if listed and all(type(one) in (int, float) for one in listed):
        listed = [listed]
    if not listed or not all(isinstance(one, Sequence) for one in listed):
        raise BadInput(f"{path}: a mask without polygons; lists of x, y, x, y ... were expected.")
    if (count := sum(len(one) for one in listed) // 2) > MAX_CORNERS:
        raise BadInput(f"{path}: a mask with {count:,} corners; at most {MAX_CORNERS:,} are read.")
    try:
        flat = [np.array(one, np.float64) for one in listed]
    except (TypeError, ValueError, OverflowError) as error:
        raise BadInput(f"{path}: corners of a polygon that are not numbers: {error}.") from error
    for one in flat:
        if one.ndim != 1 or len(one) < 6 or len(one) % 2 or not np.isfinite(one).all():
            raise BadInput(f"{path}: a polygon of {one.shape} numbers; x, y of 3 or more corners were expected.")
    return [one.reshape(-1, 2) for one in flat]


def _fill(path: Path, mask: NDArray[np.bool_], corners: NDArray[np.float64]) -> None:
    """Set the pixels with an odd number of edges to their left; an edge counts in the rows whose centres it spans."""
    height, width = mask.shape
    ends = np.roll(corners, -1, axis=0)
    low = np.clip(np.ceil(np.minimum(corners[:, 1], ends[:, 1]) - 0.5), 0, height).astype(np.int64)
    high = np.clip(np.ceil(np.maximum(corners[:, 1], ends[:, 1]) - 0.5), 0, height).astype(np.int64)
    rows_of_edge = high - low
    if (crossings := int(rows_of_edge.sum())) > _MAX_CROSSINGS:
        raise BadInput(
            f"{path}: a polygon that crosses {crossings:,} rows of pixels; at most {_MAX_CROSSINGS:,} are read."
        )
    if not crossings:
        return
    edge = np.repeat(np.arange(len(corners)), rows_of_edge)
    row = np.arange(crossings) - np.repeat(np.cumsum(rows_of_edge) - rows_of_edge, rows_of_edge) + low[edge]
    (x0, y0), (x1, y1) = corners[edge].T, ends[edge].T
    x = x0 + (row + 0.5 - y0) / (y1 - y0) * (x1 - x0)
    column = np.clip(np.ceil(x - 0.5), 0, width).astype(np.int64)
    top, bottom = int(row.min()), int(row.max()) + 1
    cell, count = np.unique((row - top) * (width + 1) + column, return_counts=True)
    inside = np.zeros((bottom - top, width + 1), bool)
    inside.ravel()[cell[count % 2 == 1]] = True
    mask[top:bottom] |= np.logical_xor.accumulate(inside, axis=1)[:, :width]
