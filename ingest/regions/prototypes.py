"""A few vectors that stand for all regions of a scene, rare ones included."""

import numpy as np
from numpy.typing import NDArray

_ROUNDS = 25


def prototypes(
    vectors: NDArray[np.float32], weight: NDArray[np.float64], count: int
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Spherical k-means over (R, C) unit rows: at most `count` unit centres, heaviest first, and their weights.

    The first centre starts at the heaviest row, each next one at the row farthest from those before, so that what is
    rare and unlike the rest starts with a centre of its own. There is no chance in it; ties go to the lowest row.
    """
    chosen = [int(weight.argmax())]
    nearest = vectors @ vectors[chosen[0]]
    while len(chosen) < count and nearest.min() < 1 - 1e-4:
        chosen.append(int(nearest.argmin()))
        nearest = np.maximum(nearest, vectors @ vectors[chosen[-1]])
    centres = vectors[chosen]
    belongs = np.full(len(vectors), -1)
    for _ in range(_ROUNDS):
        now = (vectors @ centres.T).argmax(axis=1)
        if (now == belongs).all():
            break
        belongs = now
        for p in range(len(centres)):
            mine = belongs == p
            total = weight[mine] @ vectors[mine]
            if (length := np.linalg.norm(total)) > 0:
                centres[p] = total / length
    mass = np.bincount(belongs, weight, minlength=len(centres)).astype(np.float64)
    order = np.argsort(-mass, kind="stable")
    order = order[mass[order] > 0]
    return centres[order], mass[order]
