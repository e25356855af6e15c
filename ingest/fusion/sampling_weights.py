"""Where a point's views land in the maps: (row of the table, weight) pairs, the sparse W of features = W · G.

Nearest and bilinear upsampling are linear, so a map is never upsampled: a pixel of the upsampled map is a weighted sum
of one or four cells of the map as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Grid:
    """A map's cells, laid over a whole image."""

    height: int
    width: int
    image_height: int
    image_width: int
    bilinear: bool

    @property
    def taps(self) -> int:
        """Cells that one pixel is made of."""
        return 4 if self.bilinear else 1


@dataclass(frozen=True)
class Views:
    """What one frame sees of a block of points."""

    first: int  # how many points it sees before the block
    slot: NDArray[np.int32]  # (K,) rows of the block, ascending
    uv: NDArray[np.float32]  # (K, 2) column, row in the image
    weight: NDArray[np.float32]  # (K,) >= 0; 0 is not there


@dataclass(frozen=True)
class KeptMap:
    """The part of the table that holds one frame's map."""

    grid: Grid
    first: int  # row of the table where it begins
    by_view: bool  # a row for each point the frame sees, sampled already; else a row for each cell
    inverse_norm: NDArray[np.float32]  # (rows,) what makes a row unit length, 0 for one that cannot; (0,) left as is


@dataclass(frozen=True)
class Taps:
    """The sparse matrix W of one block of points, row by row, and what its rows add up to."""

    start: NDArray[np.int64]  # (P,) first tap of a point
    stop: NDArray[np.int64]  # (P,) one past its last
    row: NDArray[np.int32]  # (taps,) rows of the table
    weight: NDArray[np.float32]  # (taps,) > 0
    view_count: NDArray[np.int32]  # (P,) views with any weight
    total: NDArray[np.float32]  # (P,) their weights, summed


def cells(grid: Grid, uv: NDArray[np.float32]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """cell (K, T), weight (K, T) of pixels (K, 2); the grid's edge cells reach to the image's edge and beyond."""
    x = (uv[:, 0].astype(np.float64) + 0.5) * (grid.width / grid.image_width) - 0.5
    y = (uv[:, 1].astype(np.float64) + 0.5) * (grid.height / grid.image_height) - 0.5
    x, y = np.clip(x, 0, grid.width - 1), np.clip(y, 0, grid.height - 1)
    if not grid.bilinear:
        cell = np.rint(y).astype(np.int32) * np.int32(grid.width) + np.rint(x).astype(np.int32)
        return cell[:, None], np.ones((len(uv), 1), np.float32)
    left, top = x.astype(np.int32), y.astype(np.int32)
    right, bottom = np.minimum(left + 1, grid.width - 1), np.minimum(top + 1, grid.height - 1)
    fx, fy = x - left, y - top
    top, bottom = top * np.int32(grid.width), bottom * np.int32(grid.width)
    cell = np.stack([top + left, top + right, bottom + left, bottom + right], axis=1)
    weight = np.stack([(1 - fy) * (1 - fx), (1 - fy) * fx, fy * (1 - fx), fy * fx], axis=1)
    return cell, weight.astype(np.float32)


def block_taps(views: Sequence[tuple[KeptMap, Views]], count: int) -> Taps:
    """W of a block of `count` points, each point's taps in the order of `views`."""
    slots, rows, weights = [], [], []
    view_count, total = np.zeros(count, np.int32), np.zeros(count, np.float32)
    for kept, seen in views:
        if kept.by_view:
            row = np.arange(seen.first, seen.first + len(seen.slot), dtype=np.int32)[:, None]
            weight = np.ones(row.shape, np.float32)
        else:
            row, weight = cells(kept.grid, seen.uv)
        if len(kept.inverse_norm):
            weight *= kept.inverse_norm[row]
        weight *= seen.weight[:, None]
        present = weight > 0
        there = present.any(axis=1)
        view_count[seen.slot[there]] += 1
        total[seen.slot[there]] += seen.weight[there]
        slots.append(np.broadcast_to(seen.slot[:, None], row.shape)[present])
        rows.append((row + np.int32(kept.first))[present])
        weights.append(weight[present])
    slot = np.concatenate(slots) if slots else np.zeros(0, np.int32)
    order = np.argsort(slot.astype(np.uint16) if count <= 65536 else slot, kind="stable")  # 16 bits: a radix sort
    stop = np.cumsum(np.bincount(slot, minlength=count))
    return Taps(
        np.concatenate([[0], stop[:-1]]),
        stop,
        np.concatenate(rows)[order] if rows else np.zeros(0, np.int32),
        np.concatenate(weights)[order] if weights else np.zeros(0, np.float32),
        view_count,
        total,
    )
