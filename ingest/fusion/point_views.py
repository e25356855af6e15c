"""Who sees whom, seen from the points: the correspondences of a scene cut into blocks of points."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput
from ...core.features import Correspondence
from ..compiled import read_only
from .sampling_weights import Views

LARGEST_BLOCK = 16384  # points

Weigh = Callable[[Correspondence], NDArray[np.float32]]  # (K,) >= 0; 0 is not there


class Sights:
    """The points that any frame sees, in blocks, and each frame's views of a block."""

    def __init__(
        self,
        correspondences: Sequence[Correspondence],
        point_count: int,
        weigh: Weigh,
        block_views: int,
    ) -> None:
        """A block is as many points as have about `block_views` views together."""
        self.of_frame = {seen.frame: _checked(seen, point_count) for seen in correspondences if len(seen)}
        if len(self.of_frame) < sum(len(seen) > 0 for seen in correspondences):
            raise BadInput("Two correspondences are of one frame; each frame may have one.")
        self._weigh = weigh
        views = view_counts(self.of_frame.values(), point_count)
        self.points = np.flatnonzero(views).astype(np.int32)  # (S,) ascending
        self._slot = np.cumsum(views > 0, dtype=np.int32) - 1  # (N,) a seen point's row among the seen
        self.blocks = _blocks(views[self.points], block_views)
        firsts = np.append(self.points[np.array([start for start, _ in self.blocks], np.int64)], point_count)
        self._cuts: dict[int, list[int]] = {
            frame: np.searchsorted(c.point_index, firsts).tolist() for frame, c in self.of_frame.items()
        }

    def __len__(self) -> int:
        return len(self.points)

    def sees(self, frame: int, block: int) -> bool:
        """Whether the frame sees any point of the block."""
        return self._cuts[frame][block] < self._cuts[frame][block + 1]

    def views(self, frame: int, block: int) -> Views:
        """One frame's views of one block; slots count from the block's start."""
        seen, first = self.of_frame[frame], self._cuts[frame][block]
        part = slice(first, self._cuts[frame][block + 1])
        point_index, uv = seen.point_index[part], seen.uv[part]
        weight = self._weigh(Correspondence(frame, point_index, uv, seen.depth[part]))
        return Views(first, self._slot[point_index] - np.int32(self.blocks[block][0]), uv, weight)


def view_counts(correspondences: Iterable[Correspondence], point_count: int) -> NDArray[np.int32]:
    """(N,) how many frames see each point."""
    views = np.zeros(point_count, np.int32)
    for seen in correspondences:
        views[seen.point_index] += 1
    return views


def _blocks(views: NDArray[np.int32], block_views: int) -> list[tuple[int, int]]:
    """(start, stop) of points with about `block_views` views together, at least one point each."""
    until = np.cumsum(views, dtype=np.int64)
    blocks, start = [], 0
    while start < len(views):
        before = until[start - 1] if start else 0
        stop = int(np.searchsorted(until, before + block_views, side="right"))
        stop = min(max(stop, start + 1), start + LARGEST_BLOCK)
        blocks.append((start, stop))
        start = stop
    return blocks


def _checked(seen: Correspondence, point_count: int) -> Correspondence:
    """The correspondence, once its arrays agree; what is gathered by them later is not checked again."""
    index, where = seen.point_index, f"The correspondence of frame {seen.frame}"
    if seen.uv.shape != (len(index), 2) or seen.depth.shape != (len(index),):
        raise BadInput(f"{where} has {len(index)} points, uv {seen.uv.shape} and depth {seen.depth.shape}.")
    if index[0] < 0 or index[-1] >= point_count or (np.diff(index) <= 0).any():
        raise BadInput(f"{where} names points that are not ascending rows of a cloud of {point_count}.")
    if not np.isfinite(seen.uv).all():
        raise BadInput(f"{where} has pixels that are not finite.")
    return Correspondence(
        seen.frame,
        np.ascontiguousarray(index, np.int32),
        read_only(np.ascontiguousarray(seen.uv, np.float32)),
        np.ascontiguousarray(seen.depth, np.float32),
    )
