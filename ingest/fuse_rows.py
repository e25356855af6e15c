"""Fusion that keeps the cells it will need, and makes the vectors at the end, a block of points at a time.

Right for token maps, which are small: a point's views are summed where they meet, in the processor's nearest cache.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .scratch import Room, Scratch
from .sights import Sights
from .taps import Grid, KeptMap, Taps, cells


class Path(Protocol):
    """One way to compute W · G; a module of this folder."""

    parallel: bool  # whether blocks may run in threads of ours
    inverse_norms: Callable[[NDArray[np.float16]], NDArray[np.float32]]
    block_taps: Callable[..., Taps]
    fuse_block: Callable[[Taps, NDArray[np.float16], bool, NDArray[np.float16]], NDArray[np.bool_]]


class Rows:
    """The table G: rows of halves, frame after frame, and where a frame's cells are in it."""

    def __init__(self, path: Path, sights: Sights, dim: int, capacity: int, scratch: Scratch) -> None:
        self._path, self._sights, self._scratch = path, sights, scratch
        self._table = scratch.array((capacity, dim), np.float16)
        self._used = 0
        self._maps: dict[int, KeptMap] = {}

    def add(self, frame: int, values: NDArray[np.float16], grid: Grid, normalise: bool) -> None:
        """Keep what the frame's pixels need of its map (h, w, C): the cells they touch, or all of a small one."""
        count = grid.height * grid.width
        uv = self._sights.of_frame[frame].uv
        place, kept = np.zeros(0, np.int32), np.zeros(0, np.int64)
        if len(uv) < count:
            touched = np.zeros(count, bool)
            touched[cells(grid, uv)[0]] = True
            kept = np.flatnonzero(touched)
            place = np.cumsum(touched, dtype=np.int32) - np.int32(1)
            count = len(kept)
        rows = self._reserve(count)
        if not len(place):
            rows.reshape(values.shape)[:] = values
        elif values.flags.c_contiguous:
            np.take(values.reshape(-1, values.shape[2]), kept, axis=0, out=rows, mode="clip")
        else:
            rows[:] = values[np.divmod(kept, grid.width)]
        inverse_norm = self._path.inverse_norms(rows) if normalise else np.zeros(0, np.float32)
        self._maps[frame] = KeptMap(grid, self._used - count, place, inverse_norm)
        self._table.rest()

    def finish(self, unit_length: bool, threads: int) -> tuple[Room, NDArray[np.bool_], NDArray[np.int32]]:
        """vectors (S, C), whether each is one, and view_count (S,) of the seen points."""
        sights, table = self._sights, self._table.array[: self._used]
        vectors = self._scratch.array((len(sights), table.shape[1]), np.float16)
        present = np.zeros(len(sights), bool)
        view_count = np.zeros(len(sights), np.int32)

        def fuse_one(block: int) -> None:
            start, stop = sights.blocks[block]
            taps = self._path.block_taps(
                [(kept, sights.views(frame, block)) for frame, kept in self._maps.items()], stop - start
            )
            present[start:stop] = self._path.fuse_block(taps, table, unit_length, vectors.array[start:stop])
            view_count[start:stop] = taps.view_count
            self._table.rest()
            vectors.rest()

        with ThreadPoolExecutor(threads if self._path.parallel else 1) as pool:
            list(pool.map(fuse_one, range(len(sights.blocks))))
        return vectors, present, view_count

    def _reserve(self, count: int) -> NDArray[np.float16]:
        """The next rows of the table; a map larger than foreseen has it grow."""
        table = self._table.array
        if self._used + count > len(table):
            larger = self._scratch.array((max(self._used + count, 2 * len(table)), table.shape[1]), np.float16)
            larger.array[: self._used] = table[: self._used]
            self._table = larger
        self._used += count
        return self._table.array[self._used - count : self._used]
