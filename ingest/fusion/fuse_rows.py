"""Fusion that keeps the cells it will need, and makes the vectors at the end, a block of points at a time.

Right for token maps, which are small: a point's views are summed where they meet, in the processor's nearest cache.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .point_views import Sights
from .sampling_weights import Grid, KeptMap, Taps, cells
from .scratch import Room, Scratch

PIECE = 1 << 20  # bytes of rows that are gathered, scaled and stored at a time, while the nearest caches hold them


class Product(Protocol):
    """One way to compute W · G: the module fuse_kernels, fuse_torch or fuse_numpy."""

    parallel: bool  # whether blocks may run in threads of ours
    inverse_norms: Callable[[NDArray[np.float16]], NDArray[np.float32]]
    block_taps: Callable[..., Taps]
    fuse_block: Callable[[Taps, NDArray[np.float16], bool, NDArray[np.float16]], NDArray[np.bool_]]


class Rows:
    """The table G: rows of halves, frame after frame, and where a frame's cells are in it."""

    def __init__(self, product: Product, sights: Sights, dim: int, capacity: int, scratch: Scratch) -> None:
        self._product, self._sights, self._scratch = product, sights, scratch
        self._table = scratch.array((capacity, dim), np.float16)
        self._used = 0
        self._piece = max(1, PIECE // (2 * dim))
        self._maps: dict[int, KeptMap] = {}

    def add(self, frame: int, values: NDArray[np.float16], grid: Grid, normalise: bool) -> None:
        """Keep what the frame's pixels need of its map (h, w, C): all cells, or one a pixel where that is fewer."""
        uv = self._sights.of_frame[frame].uv
        by_view = not grid.bilinear and len(uv) < grid.height * grid.width
        flat = values.reshape(-1, values.shape[2])
        cell = cells(grid, uv)[0][:, 0] if by_view else np.arange(len(flat))
        first, self._used = self._used, self._used + len(cell)
        self._grow(self._used)
        inverse_norm = np.zeros(len(cell) if normalise else 0, np.float32)
        for start in range(0, len(cell), self._piece):
            rows = flat[cell[start : start + self._piece]]
            if normalise:
                inverse_norm[start : start + self._piece] = self._product.inverse_norms(rows)
            self._table.write(first + start, rows)
        self._maps[frame] = KeptMap(grid, first, by_view, inverse_norm)

    def finish(self, unit_length: bool, threads: int) -> tuple[Room, NDArray[np.bool_], NDArray[np.int32]]:
        """vectors (S, C), whether each is one, and view_count (S,) of the seen points."""
        sights, table = self._sights, self._table.array[: self._used]
        vectors = self._scratch.array((len(sights), table.shape[1]), np.float16)
        present = np.zeros(len(sights), bool)
        view_count = np.zeros(len(sights), np.int32)

        def fuse_one(block: int) -> None:
            start, stop = sights.blocks[block]
            views = [(kept, sights.views(f, block)) for f, kept in self._maps.items() if sights.sees(f, block)]
            taps = self._product.block_taps(views, stop - start)
            present[start:stop] = self._product.fuse_block(taps, table, unit_length, vectors.array[start:stop])
            view_count[start:stop] = taps.view_count
            self._table.rest()
            vectors.rest()

        with ThreadPoolExecutor(threads if self._product.parallel else 1) as pool:
            list(pool.map(fuse_one, range(len(sights.blocks))))
        return vectors, present, view_count

    def _grow(self, count: int) -> None:
        """Make room for `count` rows: maps may be larger than the first."""
        table = self._table.array
        if count > len(table):
            larger = self._scratch.array((max(count, 2 * len(table)), table.shape[1]), np.float16)
            larger.write(0, table)
            self._table = larger
