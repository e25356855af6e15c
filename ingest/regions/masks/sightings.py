"""Which points lie in which masks: pairs of a mask and a point, listed by mask and by point."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix, csr_matrix

PointsOfMasks = tuple[int, NDArray[np.integer], NDArray[np.integer]]  # a frame; masks from 0 and points, pair by pair


@dataclass(frozen=True)
class Sightings:
    """Masks 0..M-1, ordered by frame, and the points 0..N-1 in them; a mask holds a point once."""

    frame: NDArray[np.int32]  # (M,) ascending
    start: NDArray[np.int64]  # (M + 1,) of each mask's rows in `point`
    point: NDArray[np.int32]  # (P,) the points of one mask after the other
    start_of_point: NDArray[np.int64]  # (N + 1,) of each point's rows in `mask`
    mask: NDArray[np.int32]  # (P,) the masks of one point after the other, ascending
    overlapping: bool  # whether a point lies in two masks of one frame

    @property
    def size(self) -> NDArray[np.int64]:
        """(M,) points of each mask."""
        return np.diff(self.start)

    @property
    def frame_count(self) -> int:
        """Frames up to the last that has a mask."""
        return int(self.frame[-1]) + 1 if len(self.frame) else 0

    def points_of(self, mask: int) -> NDArray[np.int32]:
        """The points of one mask."""
        return self.point[self.start[mask] : self.start[mask + 1]]

    def by_mask(self, rows: slice) -> csr_matrix:
        """(masks, N) ones where a mask of `rows` holds a point."""
        first, last = self.start[rows.start], self.start[rows.stop]
        ones = np.ones(last - first, np.int32)
        start = self.start[rows.start : rows.stop + 1] - first
        return csr_matrix((ones, self.point[first:last], start), (len(start) - 1, len(self.start_of_point) - 1))

    def by_point(self) -> csr_matrix:
        """(N, M) ones where a point lies in a mask."""
        shape = (len(self.start_of_point) - 1, len(self.frame))
        return csr_matrix((np.ones(len(self.mask), np.int32), self.mask, self.start_of_point), shape)

    def without_border_points(self) -> "Sightings":
        """The same masks less all points that two masks of any one frame claim."""
        if not self.overlapping:
            return self
        count = len(self.start_of_point) - 1
        owner = np.repeat(np.arange(count, dtype=np.int32), np.diff(self.start_of_point))
        twice = (np.diff(self.frame[self.mask]) == 0) & (np.diff(owner) == 0)
        inner = np.ones(count, bool)
        inner[owner[1:][twice]] = False
        kept = inner[self.point]
        start = np.concatenate([[0], np.cumsum(kept)])[self.start]
        return _listed(self.frame, start, self.point[kept], count, overlapping=False)


def sightings(found: Iterable[PointsOfMasks], point_count: int, least_points: int) -> Sightings:
    """The masks of frames, in ascending order of frames; those of fewer than `least_points` points are dropped."""
    frames, sizes, points = [np.empty(0, np.int32)], [np.zeros(1, np.int64)], [np.empty(0, np.int32)]
    overlapping = False
    for frame, mask, point in found:
        size = np.bincount(mask)
        order = np.lexsort((point, mask))
        order = order[(size >= least_points)[mask[order]]]
        size = size[size >= least_points]
        points.append(point[order].astype(np.int32))
        sizes.append(size)
        frames.append(np.full(len(size), frame, np.int32))
        overlapping = overlapping or len(np.unique(points[-1])) < len(order)
    start = np.cumsum(np.concatenate(sizes))
    return _listed(np.concatenate(frames), start, np.concatenate(points), point_count, overlapping)


def _listed(
    frame: NDArray[np.int32],
    start: NDArray[np.int64],
    point: NDArray[np.int32],
    point_count: int,
    overlapping: bool,
) -> Sightings:
    by_point = csc_matrix((np.ones(len(point), np.bool_), point, start), (point_count, len(frame))).tocsr()
    by_point.sort_indices()
    start_of_point = by_point.indptr.astype(np.int64)
    return Sightings(frame, start, point, start_of_point, by_point.indices.astype(np.int32, copy=False), overlapping)
