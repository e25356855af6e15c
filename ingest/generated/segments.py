"""An over-segmentation such as ScanNet's: patches of one part of one object that look one way."""

import numpy as np
from numpy.typing import NDArray

_SMALLEST = 20  # vertices, ScanNet's segMinVerts
_LARGEST = 1.2  # metres; longer parts are cut into cubes of that size
_BENT = 0.35  # metres; larger parts are cut where they turn a corner


def segments(
    xyz: NDArray[np.float64], normals: NDArray[np.float32], owner: NDArray[np.int32], part: NDArray[np.int32]
) -> NDArray[np.int32]:
    """(N,) segment numbers from 0; none lies in two objects (`owner`), few have less than 20 vertices."""
    extent = np.zeros(part.max() + 1)
    order = np.argsort(part, kind="stable")
    starts = np.flatnonzero(np.diff(part[order], prepend=-1))
    size = np.maximum.reduceat(xyz[order], starts) - np.minimum.reduceat(xyz[order], starts)
    extent[part[order][starts]] = size.max(axis=1)

    steepest = np.abs(normals).argmax(axis=1)
    towards = 2 * steepest + (np.take_along_axis(normals, steepest[:, None], 1)[:, 0] > 0)
    facing = np.where(extent[part] > _BENT, towards, 6)
    cube = np.where((extent[part] > _LARGEST)[:, None], np.floor((xyz - xyz.min(axis=0)) / _LARGEST), 0)
    key = np.column_stack([owner, part, facing, cube]).astype(np.int64)
    _, patch = np.unique(key, axis=0, return_inverse=True)
    merged = _without_scraps(xyz, owner, patch)
    return np.unique(merged, return_inverse=True)[1].astype(np.int32)


def _without_scraps(xyz: NDArray[np.float64], owner: NDArray[np.int32], patch: NDArray[np.int64]) -> NDArray[np.int64]:
    """Patches that are too small join the nearest large one of their object, or one another."""
    count = np.bincount(patch)
    centre = np.stack([np.bincount(patch, xyz[:, k]) for k in range(3)], 1) / count[:, None]
    of_object = np.zeros(len(count), np.int32)
    of_object[patch] = owner
    target = np.arange(len(count))
    for scrap in np.flatnonzero(count < _SMALLEST):
        siblings = np.flatnonzero(of_object == of_object[scrap])
        large = siblings[count[siblings] >= _SMALLEST]
        target[scrap] = (
            large[np.linalg.norm(centre[large] - centre[scrap], axis=1).argmin()] if len(large) else siblings[0]
        )
    return target[patch]
