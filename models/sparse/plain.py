"""The twin of coordinates.py and convolution.py that can be read at a glance: dictionaries and loops, numpy only."""

import numpy as np
from numpy.typing import NDArray

from .coordinates import kernel_offsets

Cells = NDArray[np.int64]  # (V, 4): scene, x, y, z
Values = NDArray[np.float64]


def coarser(cells: Cells, stride: int) -> Cells:
    """The cells of `stride` that hold any, by scene, x, y, z."""
    return np.unique(np.column_stack([cells[:, :1], cells[:, 1:] // stride * stride]), axis=0)


def convolve(features: Values, kernel: Values, size: int, cells: Cells, stride: int, onto: Cells) -> Values:
    """(len(onto), Cout): `features` (V, Cin) lie at `cells` of `stride`, `kernel` is (size**3, Cin, Cout)."""
    out = np.zeros((len(onto), kernel.shape[2]))
    for row, there, offset in _pairs(size, cells, stride, onto):
        out[there] += features[row] @ kernel[offset]
    return out


def convolve_transposed(features: Values, kernel: Values, size: int, cells: Cells, onto: Cells, stride: int) -> Values:
    """(len(onto), Cout): `features` lie at the coarser `cells`, results at the finer `onto` of `stride`."""
    out = np.zeros((len(onto), kernel.shape[2]))
    for there, row, offset in _pairs(size, onto, stride, cells):
        out[there] += features[row] @ kernel[offset]
    return out


def _pairs(size: int, cells: Cells, stride: int, onto: Cells) -> list[tuple[int, int, int]]:
    """(row of `cells`, row of `onto`, offset) of all that meet."""
    row_of = {tuple(cell): row for row, cell in enumerate(cells.tolist())}
    found = []
    for there, (scene, *centre) in enumerate(onto.tolist()):
        for offset, steps in enumerate(kernel_offsets(size)):
            cell = (scene, *(c + step * stride for c, step in zip(centre, steps, strict=True)))
            if cell in row_of:
                found.append((row_of[cell], there, offset))
    return found
