"""Who sees whom, seen from the points: the correspondences of a scene cut into blocks of points."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..store.errors import BadInput
from ..store.features import Correspondence
from .taps import Views

LARGEST_BLOCK = 16384  # points
VIEWS_A_BLOCK = 1 << 19  # 16 MB of bilinear taps

Weigh = Callable[[Correspondence], NDArray[np.float32]]


class Sights:
    """The points that any frame sees, in blocks, and each frame's views of a block."""

    def __init__(
        self,
        correspondences: Sequence[Correspondence],
        point_count: int,
        weigh: Weigh,
        block_points: int | None = None,
    ) -> None:
        self.of_frame = {seen.frame: _checked(seen, point_count) for seen in correspondences if len(seen)}
        if len(self.of_frame) < sum(len(seen) > 0 for seen in correspondences):
            raise BadInput("Two correspondences are of one frame; each frame may have one.")
        self.weigh = weigh
        any_view = np.zeros(point_count, bool)
        for seen in self.of_frame.values():
            any_view[seen.point_index] = True
        self.points = np.flatnonzero(any_view).astype(np.int32)  # (S,) ascending
        self._slot = np.cumsum(any_view, dtype=np.int32) - 1  # (N,) a seen point's row among the seen
        step = block_points or self._block_points()
        starts = range(0, len(self.points), step)
        self.blocks = [(start, min(start + step, len(self.points))) for start in starts]
        firsts = np.append(self.points[::step], point_count)
        self._cuts = {frame: np.searchsorted(seen.point_index, firsts) for frame, seen in self.of_frame.items()}

    def __len__(self) -> int:
        return len(self.points)

    def views(self, frame: int, block: int) -> Views:
        """One frame's views of one block; slots count from the block's start."""
        seen, cuts = self.of_frame[frame], self._cuts[frame]
        part = slice(cuts[block], cuts[block + 1])
        point_index = seen.point_index[part]
        weight = self.weigh(Correspondence(frame, point_index, seen.uv[part], seen.depth[part]))
        return Views(self._slot[point_index] - np.int32(self.blocks[block][0]), seen.uv[part], weight)

    def _block_points(self) -> int:
        views = sum(len(seen) for seen in self.of_frame.values())
        return max(1, min(LARGEST_BLOCK, len(self.points) * VIEWS_A_BLOCK // max(views, 1)))


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
        np.ascontiguousarray(seen.uv, np.float32),
        np.ascontiguousarray(seen.depth, np.float32),
    )
