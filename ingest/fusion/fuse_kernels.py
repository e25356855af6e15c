"""The compiled path of fusion: taps gathered, summed in float32 in the nearest cache, scaled and rounded in one pass.

Numbers are halves in memory (passed as their bits, uint16) and float32 in registers. Each sum is a chain of fused
multiply-adds in the order of the views, whichever function adds them, so blocks and sums agree bit for bit.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled
from .halves import from_half, multiply_add, prefetch, to_half
from .sampling_weights import Grid, KeptMap, Taps, Views

parallel = True  # the interpreter lock is free meanwhile
LANES = 64  # partial sums of a norm, added in a fixed order
AHEAD = 4  # views; how early a row of a dense map is asked for
HALVES_A_LINE = 32  # of the cache


def inverse_norms(table: NDArray[np.float16]) -> NDArray[np.float32]:
    """(R,) 1 / length of each row; 0 where that is no number."""
    result = np.empty(len(table), np.float32)
    _inverse_norms(table.view(np.uint16), result)
    return result


def block_taps(views: Sequence[tuple[KeptMap, Views]], count: int) -> Taps:
    """What `taps.block_taps` returns, with room left between the points."""
    capacity = np.zeros(count, np.int64)
    for kept, seen in views:
        capacity[seen.slot] += kept.grid.taps
    stop = np.cumsum(capacity)
    size = int(stop[-1])
    start = stop - capacity
    taps = Taps(
        start,
        start.copy(),
        np.empty(size, np.int32),
        np.empty(size, np.float32),
        np.zeros(count, np.int32),
        np.zeros(count, np.float32),
    )
    for kept, seen in views:
        _scatter(
            _numbers(kept.grid), kept.first, kept.by_view, kept.inverse_norm,
            seen.first, seen.slot, seen.uv, seen.weight,
            taps.stop, taps.row, taps.weight, taps.view_count, taps.total,
        )  # fmt: skip
    return taps


def fuse_block(
    taps: Taps, table: NDArray[np.float16], unit_length: bool, vectors: NDArray[np.float16]
) -> NDArray[np.bool_]:
    """Fill vectors (P, C); (P,) is False where no direction came out."""
    present = np.zeros(len(vectors), bool)
    _fuse_block(
        taps.start, taps.stop, taps.row, taps.weight, taps.total,
        table.view(np.uint16), unit_length, vectors.view(np.uint16), present,
    )  # fmt: skip
    return present


def add_views(
    grid: Grid,
    values: NDArray[np.float16],
    normalise: bool,
    views: Views,
    sums: NDArray[np.float32],
    view_count: NDArray[np.int32],
    total: NDArray[np.float32],
) -> None:
    """Add one frame's views of a block, sampled from its map (cells, C), to the block's sums (P, C)."""
    numbers = _numbers(grid)
    _add_views(numbers, normalise, values.view(np.uint16), views.slot, views.uv, views.weight, sums, view_count, total)


def finish(
    sums: NDArray[np.float32], total: NDArray[np.float32], unit_length: bool, vectors: NDArray[np.float16]
) -> NDArray[np.bool_]:
    """What `fuse_block` does once its sums (P, C) are made."""
    present = np.zeros(len(vectors), bool)
    _finish_all(sums, total, unit_length, vectors.view(np.uint16), present)
    return present


def _numbers(grid: Grid) -> tuple[int, int, int, int, bool]:
    return grid.height, grid.width, grid.image_height, grid.image_width, grid.bilinear


@compiled
def _squares(values, p, lanes) -> np.float32:  # type: ignore[no-untyped-def]
    """The sum of squares of values[p], float32, added in a fixed order; lanes (LANES,) is scratch."""
    lanes[:] = 0
    count = values.shape[1]
    whole = count - count % LANES
    for c in range(0, whole, LANES):
        for lane in range(LANES):
            lanes[lane] = multiply_add(values[p, c + lane], values[p, c + lane], lanes[lane])
    for lane in range(count - whole):
        lanes[lane] = multiply_add(values[p, whole + lane], values[p, whole + lane], lanes[lane])
    return _folded(lanes)


@compiled
def _squares_of_halves(table, row, lanes) -> np.float32:  # type: ignore[no-untyped-def]
    """`_squares` of table[row], whose numbers are halves."""
    lanes[:] = 0
    count = table.shape[1]
    whole = count - count % LANES
    for c in range(0, whole, LANES):
        for lane in range(LANES):
            value = from_half(table[row, c + lane])
            lanes[lane] = multiply_add(value, value, lanes[lane])
    for lane in range(count - whole):
        value = from_half(table[row, whole + lane])
        lanes[lane] = multiply_add(value, value, lanes[lane])
    return _folded(lanes)


@compiled
def _folded(lanes) -> np.float32:  # type: ignore[no-untyped-def]
    for step in (32, 16, 8, 4, 2, 1):
        for lane in range(step):
            lanes[lane] += lanes[lane + step]
    return lanes[0]


@compiled
def _inverse_norm(table, row, lanes) -> np.float32:  # type: ignore[no-untyped-def]
    """1 / length of a row of halves; 0 where that is no number."""
    squares = _squares_of_halves(table, row, lanes)
    if squares > 0 and squares < np.inf:
        return np.float32(1) / np.sqrt(squares)
    return np.float32(0)


@compiled
def _inverse_norms(table, result) -> None:  # type: ignore[no-untyped-def]
    """result (R,) of rows (R, C)."""
    lanes = np.empty(LANES, np.float32)
    for row in range(len(table)):
        result[row] = _inverse_norm(table, row, lanes)


@compiled
def _cells(u, v, height, width, image_height, image_width, bilinear, cell, weight) -> int:  # type: ignore[no-untyped-def]
    """`taps.cells` for one pixel; returns the number of taps."""
    x = (np.float64(u) + 0.5) * (width / image_width) - 0.5
    y = (np.float64(v) + 0.5) * (height / image_height) - 0.5
    x, y = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
    if not bilinear:
        cell[0] = int(np.rint(y)) * width + int(np.rint(x))
        weight[0] = 1
        return 1
    left, top = int(x), int(y)
    right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
    fx, fy = x - left, y - top
    cell[0], cell[1] = top * width + left, top * width + right
    cell[2], cell[3] = bottom * width + left, bottom * width + right
    weight[0], weight[1] = np.float32((1 - fy) * (1 - fx)), np.float32((1 - fy) * fx)
    weight[2], weight[3] = np.float32(fy * (1 - fx)), np.float32(fy * fx)
    return 4


@compiled
def _scatter(  # type: ignore[no-untyped-def]
    grid, first, by_view, inverse_norm, first_view, slot, uv, view_weight, stop, row, weight, view_count, total
) -> None:
    """Append one frame's taps to those of its points; `stop` moves on. The loop behind `taps.block_taps`."""
    height, width, image_height, image_width, bilinear = grid
    cell, share = np.empty(4, np.int64), np.empty(4, np.float32)
    for k in range(len(slot)):
        p = slot[k]
        if by_view:
            taps, cell[0], share[0] = 1, first_view + k, 1
        else:
            taps = _cells(uv[k, 0], uv[k, 1], height, width, image_height, image_width, bilinear, cell, share)
        before = stop[p]
        for tap in range(taps):
            amount = share[tap]
            if len(inverse_norm):
                amount *= inverse_norm[cell[tap]]
            amount *= view_weight[k]
            if amount > 0:
                row[stop[p]] = first + cell[tap]
                weight[stop[p]] = amount
                stop[p] += 1
        if stop[p] > before:
            view_count[p] += 1
            total[p] += view_weight[k]


@compiled
def _fuse_block(start, stop, row, weight, total, table, unit_length, vectors, present) -> None:  # type: ignore[no-untyped-def]
    """vectors (P, C) as halves, from taps into table (R, C); present (P,) is False where no direction came out."""
    sums, lanes = np.empty((1, table.shape[1]), np.float32), np.empty(LANES, np.float32)
    for p in range(len(start)):
        sums[0] = 0
        tap = start[p]
        while tap + 4 <= stop[p]:
            _add_four(weight, row, tap, table, sums)
            tap += 4
        while tap < stop[p]:
            _add(weight[tap], table, row[tap], sums, 0)
            tap += 1
        present[p] = _finish(sums, 0, total[p], unit_length, vectors, p, lanes)


@compiled
def _add_views(grid, normalise, values, slot, uv, view_weight, sums, view_count, total) -> None:  # type: ignore[no-untyped-def]
    """Add one frame's views, sampled from values (cells, C), to sums (P, C)."""
    height, width, image_height, image_width, bilinear = grid
    cell, share = np.empty((len(slot), 4), np.int64), np.empty((len(slot), 4), np.float32)
    lanes = np.empty(LANES, np.float32)
    taps = 0
    for k in range(len(slot)):
        taps = _cells(uv[k, 0], uv[k, 1], height, width, image_height, image_width, bilinear, cell[k], share[k])
    for k in range(len(slot)):
        if k + AHEAD < len(slot):
            for tap in range(taps):
                for c in range(0, values.shape[1], HALVES_A_LINE):
                    prefetch(values, cell[k + AHEAD, tap] * values.shape[1] + c)
        there = False
        for tap in range(taps):
            amount = share[k, tap]
            if normalise:
                amount *= _inverse_norm(values, cell[k, tap], lanes)
            amount *= view_weight[k]
            if amount > 0:
                _add(amount, values, cell[k, tap], sums, slot[k])
                there = True
        if there:
            view_count[slot[k]] += 1
            total[slot[k]] += view_weight[k]


@compiled
def _finish_all(sums, total, unit_length, vectors, present) -> None:  # type: ignore[no-untyped-def]
    """What `_fuse_block` does with its sums, for sums (P, C)."""
    lanes = np.empty(LANES, np.float32)
    for p in range(len(sums)):
        present[p] = _finish(sums, p, total[p], unit_length, vectors, p, lanes)


@compiled
def _add(weight, table, row, sums, p) -> None:  # type: ignore[no-untyped-def]
    for c in range(sums.shape[1]):
        sums[p, c] = multiply_add(weight, from_half(table[row, c]), sums[p, c])


@compiled
def _add_four(weight, row, tap, table, sums) -> None:  # type: ignore[no-untyped-def]
    """`_add` to sums[0], four times, with the sums kept in registers between."""
    w0, w1, w2, w3 = weight[tap], weight[tap + 1], weight[tap + 2], weight[tap + 3]
    r0, r1, r2, r3 = row[tap], row[tap + 1], row[tap + 2], row[tap + 3]
    for c in range(sums.shape[1]):
        value = multiply_add(w0, from_half(table[r0, c]), sums[0, c])
        value = multiply_add(w1, from_half(table[r1, c]), value)
        value = multiply_add(w2, from_half(table[r2, c]), value)
        sums[0, c] = multiply_add(w3, from_half(table[r3, c]), value)


@compiled
def _finish(sums, p, total, unit_length, vectors, to, lanes) -> bool:  # type: ignore[no-untyped-def]
    """vectors[to] from sums[p], unless that is zero or no number."""
    squares = _squares(sums, p, lanes)
    if not (squares > 0 and squares < np.inf):
        return False
    if unit_length:
        scale = np.float32(1) / np.sqrt(squares)
        for c in range(sums.shape[1]):
            vectors[to, c] = to_half(sums[p, c] * scale)
    else:
        for c in range(sums.shape[1]):
            vectors[to, c] = to_half(sums[p, c] / total)
    return True
