"""Sums and spreads of point vectors by region: one pass over fp16 rows each, in float32.

Each has a plain twin in numpy and scipy, used where numba is not installed.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from ..compiled import COMPILED, compiled

_CHUNK = 8192  # rows the plain twins hold in float32 at a time


def sum_directions(
    vectors: NDArray[np.float16], region: NDArray[np.int32], region_count: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """(R, C) sums of the unit vectors of each region's members, and (R,) how many members; (M,) says whose each is."""
    seen = np.bincount(region, minlength=region_count)
    if COMPILED:
        total = np.zeros((region_count, vectors.shape[1]), np.float32)
        add_directions(_bits(vectors), region, total)
        return total, seen
    return sum_directions_plain(vectors, region, region_count), seen


def farthest(
    vectors: NDArray[np.float16], region: NDArray[np.int32], centres: NDArray[np.float16]
) -> NDArray[np.float64]:
    """(R,) the largest distance of a member's unit vector from its region's row of `centres` (R, C)."""
    if COMPILED:
        largest = np.zeros(len(centres), np.float32)
        widen(_bits(vectors), region, centres.astype(np.float32), largest)
        return np.sqrt(largest.astype(np.float64))
    return farthest_plain(vectors, region, centres)


def sum_directions_plain(
    vectors: NDArray[np.float16], region: NDArray[np.int32], region_count: int
) -> NDArray[np.float32]:
    """The sums by sparse products, a chunk of rows at a time."""
    total = np.zeros((region_count, vectors.shape[1]), np.float32)
    for start, unit in _unit_chunks(vectors):
        members = region[start : start + len(unit)]
        touched, column = np.unique(members, return_inverse=True)
        pick = csr_matrix((np.ones(len(unit), np.float32), column, np.arange(len(unit) + 1)), (len(unit), len(touched)))
        total[touched] += pick.T @ unit
    return total


def farthest_plain(
    vectors: NDArray[np.float16], region: NDArray[np.int32], centres: NDArray[np.float16]
) -> NDArray[np.float64]:
    """The spreads in numpy, a chunk of rows at a time."""
    largest = np.zeros(len(centres), np.float32)
    for start, unit in _unit_chunks(vectors):
        members = region[start : start + len(unit)]
        apart = unit - centres[members].astype(np.float32)
        np.maximum.at(largest, members, np.einsum("ij,ij->i", apart, apart))
    return np.sqrt(largest.astype(np.float64))


def _unit_chunks(vectors: NDArray[np.float16]) -> Iterator[tuple[int, NDArray[np.float32]]]:
    for start in range(0, len(vectors), _CHUNK):
        rows = vectors[start : start + _CHUNK].astype(np.float32)
        length = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
        yield start, np.divide(rows, length, out=rows, where=length > 0)


def _bits(vectors: NDArray[np.float16]) -> NDArray[np.uint16]:
    return np.ascontiguousarray(vectors).view(np.uint16)


# numba reads no float16. A finite one becomes a float32 by moving its bits into place and correcting the exponent;
# the multiplication also settles subnormals.
_EXPONENT = np.float32(2.0**112)


@compiled
def _to_float32(bits, out):  # type: ignore[no-untyped-def]
    """Widen one row into `out`; the inverse of its length, 0 for a row of zeros."""
    for c in range(len(bits)):
        out[c] = (np.uint32(bits[c]) & np.uint32(0x7FFF)) << np.uint32(13) | (
            np.uint32(bits[c]) & np.uint32(0x8000)
        ) << np.uint32(16)
    values = out.view(np.float32)
    square = np.float32(0)
    for c in range(len(values)):
        values[c] *= _EXPONENT
        square += values[c] * values[c]
    return np.float32(1) / np.sqrt(square) if square > 0 else np.float32(0)


@compiled
def add_directions(bits, region, total):  # type: ignore[no-untyped-def]
    row = np.empty(bits.shape[1], np.uint32)
    values = row.view(np.float32)
    for i in range(len(bits)):
        inverse = _to_float32(bits[i], row)
        centre = total[region[i]]
        for c in range(len(values)):
            centre[c] += values[c] * inverse


@compiled
def widen(bits, region, centres, largest):  # type: ignore[no-untyped-def]
    row = np.empty(bits.shape[1], np.uint32)
    values = row.view(np.float32)
    for i in range(len(bits)):
        inverse = _to_float32(bits[i], row)
        centre = centres[region[i]]
        square = np.float32(0)
        for c in range(len(values)):
            apart = values[c] * inverse - centre[c]
            square += apart * apart
        largest[region[i]] = max(largest[region[i]], square)
