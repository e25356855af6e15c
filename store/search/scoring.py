"""How well stored vectors answer a query: cosines, and the best of them.

A scan takes inner products in float32 and only picks candidates; what is returned is scored again by `exact_scores`.
So a score does not depend on how its row was found: all indexes and machines agree to the last bit.
"""

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

_BLOCK = 256  # rows whose float32 copy stays in the cache
_THREAD_ROWS = 1 << 17  # fewer rows than this are not worth a second thread
_COMPILER_BYTES = 1 << 31  # scanned without the compiler before loading it (about 0.5 s) pays
_SPARSE = 0.1  # of all rows; fewer are copied together before they are scanned, more are picked from a scan of all
_SCAN_ERROR = 1e-3  # more than an inner product can differ from the cosine: half precision bends lengths by 5e-4
_HALVES_ARE = np.float32(2.0**112)  # times what their bits say as float32; see _wide_blocks
_scanned_bytes = 0


def exact_scores(vectors: NDArray[np.float16], query: NDArray[np.float32]) -> NDArray[np.float32]:
    """(K,) cosines of (K, dim) rows with the query: float64 sums of one row at a time, rounded once.

    Lengths are divided out, since rounding to half precision bends them: a row is always its own best answer.
    """
    scores = np.empty(len(vectors), np.float32)
    for start in range(0, len(vectors), _BLOCK):
        scores[start : start + _BLOCK] = cosines(unit(vectors[start : start + _BLOCK]), query)
    return scores


def cosines(units: NDArray[np.float64], query: NDArray[np.float32]) -> NDArray[np.float32]:
    """`exact_scores` of rows that are `unit` already: for those who have several queries."""
    [direction] = unit(query[None])
    return np.asarray((units * direction).sum(axis=1), np.float32)


def quick_scores(vectors: NDArray[np.float16], query: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N,) cosines like `exact_scores`, in float32: no more than 5e-7 from them, and 4 times as quick.

    For all points of a scene, where a picture is what comes of it; scores that are told come from `exact_scores`.
    """
    scores = np.empty(len(vectors), np.float32)
    direction = unit(query[None])[0].astype(np.float32)
    for start, block in _wide_blocks(vectors):
        np.multiply(block, _HALVES_ARE, out=block)
        lengths = np.sqrt(np.einsum("ij,ij->i", block, block))
        scores[start : start + len(block)] = (block @ direction) / np.maximum(lengths, np.float32(1e-30))
    return scores


def unit(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    """(n, dim) rows at unit length; rows of zeros stay."""
    wide = vectors.astype(np.float64)
    lengths = np.sqrt((wide * wide).sum(axis=1, keepdims=True))
    return wide / np.maximum(lengths, 1e-30)


def ranked(ids: NDArray[np.int64], scores: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """Positions of the `count` best: highest score first, ties to the lowest id."""
    return np.lexsort((ids, -scores))[:count]


def best_rows(
    vectors: NDArray[np.float16],
    ids: NDArray[np.int64],
    query: NDArray[np.float32],
    count: int,
    rows: NDArray[np.intp] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Ids and scores of the `count` rows that answer best, of `rows` (ascending) where given."""
    if rows is None or len(rows) > _SPARSE * len(vectors):
        scores = scan(vectors, query)
        scores = scores if rows is None else scores[rows]
    else:
        scores = scan(vectors[rows], query)
    count = min(count, len(scores))
    if count < 1:
        return np.empty(0, np.int64), np.empty(0, np.float32)
    threshold = np.partition(scores, len(scores) - count)[len(scores) - count] - _SCAN_ERROR
    candidates = np.flatnonzero(scores >= threshold)
    if rows is not None:
        candidates = rows[candidates]
    exact = exact_scores(vectors[candidates], query)
    order = ranked(ids[candidates], exact, count)
    return ids[candidates[order]], exact[order]


def scan(vectors: NDArray[np.float16], query: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N,) inner products; compiled where that pays for loading the compiler."""
    global _scanned_bytes
    _scanned_bytes += vectors.nbytes
    loaded = "numba" in sys.modules
    if not loaded and (_scanned_bytes < _COMPILER_BYTES or find_spec("numba") is None):
        return scan_numpy(vectors, query)
    return scan_compiled(vectors, query)


def scan_compiled(vectors: NDArray[np.float16], query: NDArray[np.float32]) -> NDArray[np.float32]:
    """The scan at memory speed, over blocks of rows in threads (the kernel holds no lock)."""
    from .scan_kernel import scan as kernel

    bits = np.ascontiguousarray(vectors).view(np.uint16)
    bits.flags.writeable = False  # one compiled signature for mapped and ordinary arrays
    query = np.ascontiguousarray(query, np.float32)
    scores = np.empty(len(bits), np.float32)
    threads = min(os.cpu_count() or 1, 8, -(-len(bits) // _THREAD_ROWS))
    if threads < 2:
        kernel(bits, query, scores)
        return scores
    edges = np.linspace(0, len(bits), threads + 1).astype(int)
    with ThreadPoolExecutor(threads) as pool:
        parts = [slice(start, stop) for start, stop in pairwise(edges)]
        list(pool.map(lambda part: kernel(bits[part], query, scores[part]), parts))
    return scores


def scan_numpy(vectors: NDArray[np.float16], query: NDArray[np.float32]) -> NDArray[np.float32]:
    """The plain twin; the scaled query makes up for what the blocks are smaller."""
    scores = np.empty(len(vectors), np.float32)
    scaled = query.astype(np.float32) * _HALVES_ARE
    for start, block in _wide_blocks(vectors):
        np.dot(block, scaled, out=scores[start : start + len(block)])
    return scores


def _wide_blocks(vectors: NDArray[np.float16]) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Rows in float32, `_HALVES_ARE` times smaller, block by block with the number of the first; each is overwritten.

    numpy's own cast from float16 takes 7 times as long as moving the bits into place: a half is sign, 5 bits of
    exponent, 10 of mantissa; 13 bits further left the same bits are the float32 that is 2**112 times smaller (the
    exponents' biases are 15 and 127).
    """
    kept = np.int32(-0x70002000)  # sign bit, exponent and mantissa; drops the copies of the sign above them
    buffer = np.empty((min(_BLOCK, len(vectors)), vectors.shape[1]), np.int32)
    for start in range(0, len(vectors), _BLOCK):
        bits = vectors[start : start + _BLOCK].view(np.int16)
        block = buffer[: len(bits)]
        np.copyto(block, bits)
        np.left_shift(block, 13, out=block)
        np.bitwise_and(block, kept, out=block)
        yield start, block.view(np.float32)
