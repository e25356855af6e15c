"""Which pictures of a house belong to one of its regions.

A panorama stands in a room and sees it whole; what it sees of the next room is little, oblique and far. So a region
takes the cameras whose centres are strictly inside the box of its points. A region that none was put into (a closet, a
balcony) takes the nearest of the house. This is what OpenScene does (openscene.md 2.4), which takes the nearest in its
test split only and leaves such regions of the others out.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

NEAREST = 100  # cameras of the house for a region without one


def cameras_inside(centres: NDArray[np.float64], xyz: NDArray[np.float64]) -> list[int]:
    """The rows of (M, 3) camera centres strictly inside the box of (N, 3) points."""
    inside = (centres > xyz.min(axis=0)) & (centres < xyz.max(axis=0))
    return np.flatnonzero(inside.all(axis=1)).tolist()


def cameras_nearest(
    centres: NDArray[np.float64], names: Sequence[str], xyz: NDArray[np.float64], count: int = NEAREST
) -> list[int]:
    """The rows of the `count` cameras nearest to the middle of the points' box; the earlier name of two as near."""
    middle = (xyz.min(axis=0) + xyz.max(axis=0)) / 2
    distance = np.linalg.norm(centres - middle, axis=1)
    return sorted(range(len(centres)), key=lambda row: (distance[row], names[row]))[:count]
