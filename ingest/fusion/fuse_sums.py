"""Fusion that adds each map to running sums as it comes, and keeps no map.

Right for dense maps, of which a scene has gigabytes: float32 sums (S, C) are all that stays. Compiled path only.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from ..compiled import read_only
from . import fuse_kernels
from .point_views import Sights
from .sampling_weights import Grid
from .scratch import Room, Scratch


class Sums:
    """One float32 array a block of points."""

    def __init__(self, sights: Sights, dim: int, scratch: Scratch, threads: int) -> None:
        self._sights, self._dim, self._scratch, self._threads = sights, dim, scratch, threads
        self._sums: list[NDArray[np.float32] | None] = [None] * len(sights.blocks)
        self._view_count = np.zeros(len(sights), np.int32)
        self._total = np.zeros(len(sights), np.float32)
        self._pool = ThreadPoolExecutor(threads)

    def add(self, frame: int, values: NDArray[np.float16], grid: Grid, normalise: bool) -> None:
        """Add what the frame's pixels sample from its map (h, w, C)."""
        values = read_only(np.ascontiguousarray(values).reshape(-1, self._dim))

        def add_blocks(blocks: Sequence[int]) -> None:
            for block in blocks:
                if not self._sights.sees(frame, block):
                    continue
                views = self._sights.views(frame, block)
                start, stop = self._sights.blocks[block]
                if (sums := self._sums[block]) is None:
                    sums = self._sums[block] = np.zeros((stop - start, self._dim), np.float32)
                fuse_kernels.add_views(
                    grid, values, normalise, views, sums, self._view_count[start:stop], self._total[start:stop]
                )

        every = range(len(self._sums))
        list(self._pool.map(add_blocks, [every[first :: self._threads] for first in range(self._threads)]))

    def finish(self, unit_length: bool, threads: int) -> tuple[Room, NDArray[np.bool_], NDArray[np.int32]]:
        """vectors (S, C), whether each is one, and view_count (S,) of the seen points. The sums are used up."""
        vectors = self._scratch.array((len(self._sights), self._dim), np.float16)
        present = np.zeros(len(self._sights), bool)

        def finish_block(block: int) -> None:
            start, stop = self._sights.blocks[block]
            sums, self._sums[block] = self._sums[block], None
            if sums is not None:
                present[start:stop] = fuse_kernels.finish(
                    sums, self._total[start:stop], unit_length, vectors.array[start:stop]
                )
                vectors.rest()

        list(self._pool.map(finish_block, range(len(self._sums))))
        self._pool.shutdown()
        return vectors, present, self._view_count
