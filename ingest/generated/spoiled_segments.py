"""An over-segmentation as wrong as real ones are: two things in one patch, one patch in pieces, frayed borders."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

_SMALLEST = 40  # points; smaller patches are not cut


@dataclass(frozen=True)
class Faults:
    """How often which."""

    merged: float = 0.12  # of the patches that touch another object's become one with it
    split: float = 0.2  # of the larger patches are cut in two
    frayed: float = 0.25  # of the points beside another patch belong to that one
    reach: float = 1.0  # spacings of the mesh within which points are beside each other


def spoiled(
    xyz: NDArray[np.float32],
    owner: NDArray[np.int32],
    segment: NDArray[np.int32],
    spacing: float,
    faults: Faults,
    rng: np.random.Generator,
) -> NDArray[np.int32]:
    """(N,) segment numbers from 0, with faults; `owner` (N,) is the object of each point.

    Frayed first, then merged, then split, so that what was merged can be cut elsewhere than along the border.
    """
    pairs = KDTree(xyz).query_pairs(faults.reach * spacing, output_type="ndarray")
    pairs = pairs[segment[pairs[:, 0]] != segment[pairs[:, 1]]]
    pairs = pairs[np.lexsort(pairs.T)]
    merged = _merged(_frayed(segment, pairs, faults.frayed, rng), segment, owner, pairs, faults.merged, rng)
    return np.unique(_split(xyz, merged, faults.split, rng), return_inverse=True)[1].astype(np.int32)


def _frayed(
    segment: NDArray[np.int32], pairs: NDArray[np.int64], share: float, rng: np.random.Generator
) -> NDArray[np.int32]:
    """A `share` of the points in `pairs` (P, 2) of different segments takes the segment of its partner."""
    turned = np.concatenate([pairs, pairs[:, ::-1]])[rng.permutation(2 * len(pairs))]
    point, first = np.unique(turned[:, 0], return_index=True)
    chosen = rng.random(len(point)) < share
    result = segment.copy()
    result[point[chosen]] = segment[turned[first[chosen], 1]]
    return result


def _merged(
    frayed: NDArray[np.int32],
    segment: NDArray[np.int32],
    owner: NDArray[np.int32],
    pairs: NDArray[np.int64],
    share: float,
    rng: np.random.Generator,
) -> NDArray[np.int32]:
    """A `share` of the segments becomes one with the segment of another object that it touches most."""
    across = pairs[owner[pairs[:, 0]] != owner[pairs[:, 1]]]
    touching, count = np.unique(np.concatenate([segment[across], segment[across][:, ::-1]]), axis=0, return_counts=True)
    target = np.arange(segment.max() + 1)
    for number in np.unique(touching[:, 0]):
        rows = np.flatnonzero(touching[:, 0] == number)
        if rng.random() < share:
            target[target == target[number]] = target[touching[rows[count[rows].argmax()], 1]]
    return target[frayed].astype(np.int32)


def _split(
    xyz: NDArray[np.float32], segment: NDArray[np.int32], share: float, rng: np.random.Generator
) -> NDArray[np.int32]:
    """A `share` of the segments is cut in half across its longest side."""
    result, after = segment.copy(), int(segment.max()) + 1
    order = np.argsort(segment, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(segment[order])) + 1):
        if len(rows) >= _SMALLEST and rng.random() < share:
            along = xyz[rows, np.ptp(xyz[rows], axis=0).argmax()]
            result[rows[along > np.median(along)]] = after
            after += 1
    return result
