"""Objects of a scene from the masks of its frames: clusters of masks, cleaned point by point."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from .clusters import clusters
from .density import density_clusters
from .options import MaskOptions
from .sightings import PointsOfMasks, Sightings, sightings
from .votes import votes

_LEFT = 0.5  # share of an object of one mask that no object of several may hold


@dataclass(frozen=True)
class MaskObjects:
    """What masks say are things: sets of points that may overlap a little, those of several masks first."""

    points: tuple[NDArray[np.int32], ...]  # ascending rows of the cloud
    masks: tuple[int, ...]  # how many masks each is made of
    mask_count: int  # with points enough
    set_aside: int  # of these


def mask_objects(
    found: Iterable[PointsOfMasks], xyz: NDArray[np.float64], options: MaskOptions | None = None
) -> MaskObjects:
    """View consensus over masks of frames, in ascending order of frames; the points of each mask are given."""
    options = options or MaskOptions()
    seen = sightings(found, len(xyz), options.least_points)
    if not len(seen.frame):
        return MaskObjects((), (), 0, 0)
    counted = seen if options.overlaps == "nested" else seen.without_border_points()
    said = votes(counted, options)
    cluster, sees = clusters(counted, said, options)
    candidates: list[tuple[NDArray[np.int32], int]] = []
    order = np.argsort(cluster, kind="stable")
    bounds = np.searchsorted(cluster[order], np.arange(sees.shape[0] + 1))
    for number in np.flatnonzero(np.diff(bounds) >= options.least_masks).tolist():
        masks = np.sort(order[bounds[number] : bounds[number + 1]])
        if len(masks) == 1 and not said.alone[masks[0]]:
            continue
        candidates += _parts(seen, masks, sees[number].indices, xyz, options)
    candidates.sort(key=lambda one: (one[1] == 1, -len(one[0]), one[0].tolist()[:1]))
    candidates = _left_to_single_masks(candidates, len(xyz), options.least_points)
    kept = _without_contained([points for points, _ in candidates], len(xyz), options.overlap)
    return MaskObjects(
        tuple(candidates[row][0] for row in kept),
        tuple(candidates[row][1] for row in kept),
        len(seen.frame),
        int(said.set_aside.sum()),
    )


def _parts(
    seen: Sightings,
    masks: NDArray[np.int64],
    frames: NDArray[np.integer],  # that see the cluster
    xyz: NDArray[np.float64],
    options: MaskOptions,
) -> list[tuple[NDArray[np.int32], int]]:
    """The objects of one cluster, and how many of its masks are of each: parts that lie apart, less stray points."""
    held = [seen.points_of(mask) for mask in masks.tolist()]
    points = np.unique(np.concatenate(held))
    part = density_clusters(xyz[points], options.gap, options.neighbours)
    if options.noise:
        part += 1
    owner = [_most(part[np.searchsorted(points, each)]) for each in held]
    stays = _detected(seen, masks, points, frames) > options.kept
    least = min(max(options.least_masks, 2), len(masks))
    found = []
    for number in range(part.max() + 1):
        own = points[stays & (part == number)]
        if len(own) and owner.count(number) >= least:
            found.append((own, owner.count(number)))
    return found


def _left_to_single_masks(
    candidates: list[tuple[NDArray[np.int32], int]], point_count: int, least_points: int
) -> list[tuple[NDArray[np.int32], int]]:
    """The objects less those points of single masks that earlier ones hold; what keeps too little goes."""
    taken = np.zeros(point_count, bool)
    kept = []
    for points, masks in candidates:
        free = points if masks > 1 else points[~taken[points]]
        if masks > 1 or len(free) >= max(least_points, _LEFT * len(points)):
            kept.append((free, masks))
            taken[free] = True
    return kept


def _most(part: NDArray[np.integer]) -> int:
    """The part that most points are of, ties to the lowest; -1 where all are noise."""
    counts = np.bincount(part[part >= 0])
    return int(counts.argmax()) if len(counts) else -1


def _detected(
    seen: Sightings, masks: NDArray[np.int64], points: NDArray[np.int32], frames: NDArray[np.integer]
) -> NDArray[np.float64]:
    """(P,) of the frames that see the cluster and have a mask at the point, the share where it is the cluster's."""
    start, stop = seen.start_of_point[points], seen.start_of_point[points + 1]
    length = stop - start
    ends = np.cumsum(length)
    row = np.repeat(np.arange(len(points)), length)
    mask = seen.mask[np.arange(ends[-1]) + np.repeat(start - (ends - length), length)]
    observer = np.zeros(seen.frame_count, bool)
    observer[frames] = True
    own = np.zeros(len(seen.frame), bool)
    own[masks] = True

    def frames_of(chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        """(P,) how many frames the chosen masks of each point are of."""
        point, frame = row[chosen], seen.frame[mask[chosen]]
        first = np.ones(len(point), bool)
        first[1:] = (np.diff(point) > 0) | (np.diff(frame) > 0)
        return np.bincount(point[first], minlength=len(points))

    return frames_of(own[mask]) / (frames_of(observer[seen.frame[mask]]) + 1e-6)


def _without_contained(found: list[NDArray[np.int32]], point_count: int, overlap: float) -> list[int]:
    """Rows of the objects (largest first) of which no larger one that stays holds more than the share `overlap`."""
    if not found:
        return []
    start = np.cumsum([0, *map(len, found)])
    inside = csr_matrix((np.ones(start[-1], np.int32), np.concatenate(found), start), (len(found), point_count))
    shared = (inside @ inside.T).tocsr()
    kept = np.ones(len(found), bool)
    for row in range(len(found)):
        others, count = (part[shared.indptr[row] : shared.indptr[row + 1]] for part in (shared.indices, shared.data))
        kept[row] = not (kept[others] & (others < row) & (count / len(found[row]) > overlap)).any()
    return np.flatnonzero(kept).tolist()
