"""What a student says of every point of a scene."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import nn

from ...core.errors import BadScene
from ...models.placements import random_placements
from ...models.training.inference import voxel_vectors
from ...models.training.options import TrainingOptions
from ...models.voxels import Placement
from ...store.files.stored_points import StoredPoints

_ROWS_AT_ONCE = 1 << 15
_BROKEN = "the student's vectors have no direction: its weights, or the scene's coordinates, are broken"


def unit_vectors(
    network: nn.Module,
    options: TrainingOptions,
    held: StoredPoints,
    device: torch.device,
    placements: Iterator[Placement] | None = None,
) -> NDArray[np.float16]:
    """(N, C) unit rows, each point its voxel's: of the scene as it stands, or the mean direction over `placements`.

    Points go to the student in the scan's own order, the rows come back in stored order. A voxel that gets no direction
    (all of the last layer's inputs may be 0) takes that of the nearest one. Beside the network and its voxels, memory
    is that of the result; with several passes, three times that.
    """
    cloud = held.in_scan_order()
    if options.inputs == "color" and cloud.rgb is None:
        raise BadScene("its points have no colour, which is the student's input (inputs = 'color')")
    passes = list(placements) if placements is not None else [None]
    sums: NDArray[np.floating] | None = None
    for placement in passes:
        grid, vectors = voxel_vectors(network, cloud.xyz, cloud.rgb, options, device, placement)
        _to_unit_length(vectors)
        _fill_from_nearest(vectors, grid.cells)
        row = held.to_stored(grid.voxel_of_point)
        if len(passes) == 1:
            return vectors.astype(np.float16)[row]
        if sums is None:
            sums = np.zeros((len(row), vectors.shape[1]), np.float32)
        for start in range(0, len(row), _ROWS_AT_ONCE):
            sums[start : start + _ROWS_AT_ONCE] += vectors[row[start : start + _ROWS_AT_ONCE]]
    assert sums is not None
    _to_unit_length(sums)
    return sums.astype(np.float16)


def random_passes(options: TrainingOptions, passes: int, scene: str) -> Iterator[Placement] | None:
    """None, as the scene stands, for one pass."""
    return None if passes == 1 else random_placements(options.voxel_size, passes, options.seed, scene)


def _to_unit_length(vectors: NDArray[np.floating]) -> None:
    """In place; rows of zeros stay. BadScene for numbers that are not finite."""
    for start in range(0, len(vectors), _ROWS_AT_ONCE):
        rows = vectors[start : start + _ROWS_AT_ONCE]
        length = np.linalg.norm(rows, axis=1, keepdims=True)
        if not np.isfinite(length).all():
            raise BadScene(_BROKEN)
        np.divide(rows, length, out=rows, where=length > 0)


def _fill_from_nearest(vectors: NDArray[np.floating], cells: NDArray[np.integer]) -> None:
    """In place: rows of zeros become that of the nearest cell with another; BadScene when there is none."""
    found = vectors.any(axis=1)
    if not found.any():
        raise BadScene(_BROKEN)
    if not found.all():
        _, nearest = cKDTree(cells[found]).query(cells[~found])
        vectors[~found] = vectors[np.flatnonzero(found)[nearest]]
