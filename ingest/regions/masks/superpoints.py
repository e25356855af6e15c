"""Objects from masks as unions of superpoints: each superpoint belongs to the object that holds most of it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_LEAST = 0.2  # of the points that a superpoint shows; masks miss borders, and frames miss masks


def object_of_superpoint(
    objects: Sequence[NDArray[np.int32]], superpoint: NDArray[np.int32], seen: NDArray[np.int32]
) -> NDArray[np.int32]:
    """(S,) which of the objects (their points) holds most of a superpoint's `seen` points; -1 where that is too little.

    Ties to the first of the objects, which is the larger.
    """
    count = int(superpoint.max()) + 1
    shown = np.zeros(len(superpoint), bool)
    shown[seen] = True
    size = np.bincount(superpoint[shown], minlength=count)
    owner, most = np.full(count, -1, np.int32), np.zeros(count, np.int64)
    for number, points in enumerate(objects):
        held = np.bincount(superpoint[points[shown[points]]], minlength=count)
        more = held > most
        owner[more], most[more] = number, held[more]
    return np.where(most >= np.maximum(_LEAST * size, 1), owner, -1).astype(np.int32)
