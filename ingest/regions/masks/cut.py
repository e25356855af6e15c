"""Superpoints cut along objects from 2D masks: what straddles two things becomes a superpoint of each."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..neighbours import number_by_first_point

_LEAST_POINTS = 10  # of a superpoint that an object must hold to get a piece of it
_LEAST_SHARE = 0.1  # and of those that objects hold: borders of masks are off by a little


def cut_along(
    superpoint: NDArray[np.int32], objects: Sequence[NDArray[np.int32]], xyz: NDArray[np.float64]
) -> NDArray[np.int32]:
    """(N,) superpoints of which none holds much of two objects (their points), in the order of their first points.

    A point of such a superpoint goes to its object's piece, one that no object with a piece holds to the piece of the
    nearest point that has one. A point of several objects is of the first of them.
    """
    owner = np.full(len(superpoint), -1, np.int64)
    for number in range(len(objects) - 1, -1, -1):
        owner[objects[number]] = number
    held = owner >= 0
    width = len(objects)
    cell, points = np.unique(superpoint[held].astype(np.int64) * max(width, 1) + owner[held], return_counts=True)
    of, number = cell // max(width, 1), cell % max(width, 1)
    owned = np.bincount(of, points, minlength=int(superpoint.max(initial=-1)) + 1)
    large = (points >= _LEAST_POINTS) & (points >= _LEAST_SHARE * owned[of])
    pieces = np.bincount(of[large], minlength=len(owned))
    divided = np.flatnonzero(pieces > 1)
    if not len(divided):
        return superpoint
    cut = superpoint.astype(np.int64)
    unused = len(owned)
    order = np.argsort(superpoint, kind="stable")
    start = np.searchsorted(superpoint[order], np.arange(len(owned) + 1))
    for one in divided.tolist():
        rows = order[start[one] : start[one + 1]]
        mine = number[large & (of == one)]
        firm = np.isin(owner[rows], mine)
        piece = np.searchsorted(mine, owner[rows])
        _, nearest = cKDTree(xyz[rows[firm]]).query(xyz[rows[~firm]])
        piece[~firm] = piece[firm][nearest]
        cut[rows] = np.where(piece == 0, one, unused + piece - 1)
        unused += len(mine) - 1
    return number_by_first_point(cut).astype(np.int32)
