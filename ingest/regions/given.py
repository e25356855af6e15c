"""Objects that are given point by point, by masks or by other tools, as objects of superpoints."""

import numpy as np
from numpy.typing import NDArray


def objects_of_superpoints(superpoint: NDArray[np.int32], object_of_point: NDArray[np.integer]) -> NDArray[np.int32]:
    """(S,) the object that holds more than half of each superpoint's points, -1 where none does.

    `superpoint` and `object_of_point` are (N,), the objects -1 for none. They are numbered anew, 0..O-1, in the order
    of their first superpoints.
    """
    count = int(superpoint.max(initial=-1)) + 1
    held = object_of_point >= 0
    width = int(object_of_point.max(initial=0)) + 1
    cell, points = np.unique(superpoint[held].astype(np.int64) * width + object_of_point[held], return_counts=True)
    of, owner = cell // width, cell % width
    most = points * 2 > np.bincount(superpoint, minlength=count)[of]
    found = np.full(count, -1, np.int64)
    found[of[most]] = owner[most]
    seen, first, place = np.unique(found, return_index=True, return_inverse=True)
    number = np.full(len(seen), -1, np.int64)
    given = seen >= 0
    number[given] = np.argsort(np.argsort(first[given]))
    return number[place].astype(np.int32)
