"""Masks of one frame, from id images or one after the other, in as few layers as their overlaps need."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....core.errors import BadInput
from ....core.frame_masks import FrameMasks

MAX_MASKS = 5000  # of a frame; SAM's densest grid leaves some hundreds
_MAX_CELLS = 96_000_000  # of all layers of a frame: eight of twelve million pixels


def from_ids(path: Path, ids: NDArray[Any]) -> FrameMasks:
    """The masks of an id image (H, W) of whole numbers; 0 and less is none."""
    if ids.ndim != 2 or 0 in ids.shape or ids.dtype.kind not in "iub":
        raise BadInput(
            f"{path}: ids of {ids.dtype} and shape {ids.shape}; whole numbers (height, width) were expected."
        )
    found, place = np.unique(ids, return_inverse=True)
    number = np.cumsum(found > 0) * (found > 0)
    _require_count(path, int(number.max()))
    return FrameMasks(number[place].reshape(1, *ids.shape).astype(np.int32), int(number.max()), str(path))


def packed(path: Path, masks: Iterable[NDArray[np.bool_]], height: int, width: int) -> FrameMasks:
    """Masks (H, W) that may overlap, each in the first layer where it overlaps none; empty ones are left out."""
    layers: list[NDArray[np.uint16]] = []
    count = 0
    for mask in masks:
        if not mask.any():
            continue
        _require_count(path, count := count + 1)
        box = _box(mask)
        inside = mask[box]
        layer = next((one for one in layers if not one[box][inside].any()), None)
        if layer is None:
            if (len(layers) + 1) * height * width > _MAX_CELLS:
                raise BadInput(
                    f"{path}: {len(layers) + 1} masks of {width}x{height} pixels lie over one another; save them at "
                    "a smaller size."
                )
            layer = np.zeros((height, width), np.uint16)
            layers.append(layer)
        layer[box][inside] = count
    stacked = np.array(layers, np.int32).reshape(-1, height, width)
    return FrameMasks(stacked, count, str(path))


def _box(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _require_count(path: Path, count: int) -> None:
    if count > MAX_MASKS:
        raise BadInput(
            f"{path}: more than {MAX_MASKS:,} masks in one frame; ids of things were expected, not depth or colours."
        )
