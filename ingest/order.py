"""The order in which a scene's points are kept: along a Morton curve, so that neighbours in space share memory pages.

Fusion gathers map cells point by point; in Morton order successive points read the same few cells, in the order of a
scanner or mesher they do not (four times slower, docs/benchmarks.md). The original row is kept as a column.
"""

import numpy as np
from numpy.typing import NDArray

_BITS = 21  # a cell index per axis; three of them fill 63 bits


def morton_order(xyz: NDArray[np.floating]) -> NDArray[np.int32]:
    """(N,) the permutation that sorts points (N, 3) along a Morton curve: row i of the ordered cloud is rows[i].

    Cells are cubes of the largest extent / 2^21. Points in one cell keep their order, so equal clouds, and a cloud
    without any extent, come out as they went in.
    """
    half = np.asarray(xyz, np.float64) / 2  # halved, the extent of any finite cloud is finite
    low = half.min(axis=0)
    extent = (half - low).max()
    if extent == 0:
        return np.arange(len(half), dtype=np.int32)
    cells = ((half - low) / extent * (2**_BITS - 1)).astype(np.uint64)
    code = _spread(cells[:, 0]) | _spread(cells[:, 1]) << np.uint64(1) | _spread(cells[:, 2]) << np.uint64(2)
    return np.argsort(code, kind="stable").astype(np.int32)


def _spread(cell: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Two zero bits after each of the 21 bits."""
    for shift, mask in (
        (32, 0x001F00000000FFFF),
        (16, 0x001F0000FF0000FF),
        (8, 0x100F00F00F00F00F),
        (4, 0x10C30C30C30C30C3),
        (2, 0x1249249249249249),
    ):
        cell = (cell | cell << np.uint64(shift)) & np.uint64(mask)
    return cell
