"""Evidence: the frames that show each region best, and where in the picture."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.features import Correspondence, RegionView
from ...core.scene import Frame

_NEAR = 2.0  # metres at which a region's picture counts half of one at no distance
_OTHER_SIDE = np.radians(30)  # views this far apart, as seen from the region, are of different sides
_REPEATED = 0.3  # what one more view of the same side is worth
_LEAST = 0.1  # of the best view's worth; what shows less is no evidence
_MANY = 100  # points from which on a box leaves out isolated ones


@dataclass(frozen=True)
class _Sightings:
    """All pairs of a region and a frame that shows at least one of its points, by region, then frame; P of them."""

    region: NDArray[np.int64]  # (P,)
    frame: NDArray[np.int64]  # (P,)
    points: NDArray[np.int64]  # (P,) visible ones
    worth: NDArray[np.float64]  # (P,)


def best_views(
    region: NDArray[np.int32],
    centres: NDArray[np.float64],
    correspondences: Sequence[Correspondence],
    frames: Sequence[Frame],
    top: int,
) -> list[tuple[RegionView, ...]]:
    """Up to `top` views for each of the regions 0..R-1, best first; (N,) `region` is -1 where a point has none.

    A view is worth the region's points that it shows, less where they lie off the picture's centre (half at its
    corners) or far away; after the first, views from the same side as one already chosen count less.
    """
    seen_by = {c.frame: c for c in correspondences if len(c)}
    sightings = _sightings(region, len(centres), seen_by, frames)
    chosen = _choose(sightings, centres, frames, top)
    box = _pixel_boxes(region, len(centres), sightings, chosen, seen_by, frames)
    views: list[list[RegionView]] = [[] for _ in centres]
    for row, (x0, y0, x1, y1) in zip(chosen.tolist(), box.tolist(), strict=True):
        view = RegionView(int(sightings.frame[row]), (x0, y0, x1, y1), int(sightings.points[row]))
        views[sightings.region[row]].append(view)
    return [tuple(found) for found in views]


def _sightings(
    region: NDArray[np.int32], region_count: int, seen_by: dict[int, Correspondence], frames: Sequence[Frame]
) -> _Sightings:
    columns = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))]
    for position, seen in sorted(seen_by.items()):
        camera = frames[position].camera
        of = region[seen.point_index]
        mine = of >= 0
        of = of[mine].astype(np.int64)
        across = (2 * seen.uv[mine] + 1) / np.array([camera.width, camera.height]) - 1  # -1..1 over the picture
        count = np.bincount(of, minlength=region_count)
        there = np.flatnonzero(count)
        points = count[there]
        off_centre = np.bincount(of, (across**2).sum(axis=1) / 2, minlength=region_count)[there] / points
        depth = np.bincount(of, seen.depth[mine], minlength=region_count)[there] / points
        worth = points * (1 - 0.5 * np.clip(off_centre, 0, 1)) * _NEAR / (_NEAR + depth)
        columns.append((there, np.full(len(there), position), points, worth))
    shown, frame, visible, value = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    order = np.argsort(shown, kind="stable")
    return _Sightings(shown[order], frame[order], visible[order], value[order])


def _choose(
    sightings: _Sightings, centres: NDArray[np.float64], frames: Sequence[Frame], top: int
) -> NDArray[np.int64]:
    """Rows of the sightings, best of each region first, ties to the lowest frame; a round chooses for all regions."""
    region = sightings.region
    if len(region) == 0 or top == 0:
        return np.empty(0, np.int64)
    towards = np.stack([frame.camera_to_world[:3, 3] for frame in frames])[sightings.frame] - centres[region]
    towards /= np.maximum(np.linalg.norm(towards, axis=1, keepdims=True), 1e-12)
    start = np.flatnonzero(np.diff(region, prepend=-1))
    part = np.cumsum(np.diff(region, prepend=-1) > 0) - 1
    enough = sightings.worth >= _LEAST * np.maximum.reduceat(sightings.worth, start)[part]
    value, nearest = np.where(enough, sightings.worth, 0), np.full(len(region), -1.0)
    rounds = []
    for _ in range(top):
        best = np.maximum.reduceat(value, start)
        hits = np.flatnonzero((value == best[part]) & (value > 0))
        hits = hits[np.diff(part[hits], prepend=-1) > 0]
        if len(hits) == 0:
            break
        rounds.append(hits)
        pick = np.full(len(start), -1)
        pick[part[hits]] = hits
        cosine = np.where(pick[part] >= 0, (towards * towards[pick[part]]).sum(axis=1), -1)
        nearest = np.maximum(nearest, cosine)
        novelty = np.minimum(np.arccos(np.clip(nearest, -1, 1)) / _OTHER_SIDE, 1)
        value = np.where(value > 0, sightings.worth * (_REPEATED + (1 - _REPEATED) * novelty), 0)
        value[hits] = 0
    return np.concatenate(rounds)


def _pixel_boxes(
    region: NDArray[np.int32],
    region_count: int,
    sightings: _Sightings,
    chosen: NDArray[np.int64],
    seen_by: dict[int, Correspondence],
    frames: Sequence[Frame],
) -> NDArray[np.float64]:
    """(len(chosen), 4) x0, y0, x1, y1 of the visible points' pixels, inclusive, inside the picture."""
    box = np.empty((len(chosen), 4))
    frame = sightings.frame[chosen]
    for position in np.unique(frame).tolist():
        camera, seen = frames[position].camera, seen_by[position]
        rows = np.flatnonzero(frame == position)
        slot = np.full(region_count + 1, -1)  # the last for points without a region
        slot[sightings.region[chosen[rows]]] = np.arange(len(rows))
        of = slot[region[seen.point_index]]
        uv, of = seen.uv[of >= 0], of[of >= 0]
        for axis, size in enumerate((camera.width, camera.height)):
            pixel = np.clip(np.rint(uv[:, axis]), 0, size - 1)
            box[rows[:, None], [axis, axis + 2]] = _robust_range(pixel, of, len(rows), size)
    return box


def _robust_range(
    values: NDArray[np.floating], part: NDArray[np.int64], part_count: int, size: int
) -> NDArray[np.floating]:
    """(R, 2) least and largest value (0..size-1) of each part; in large ones without isolated outliers.

    Outliers lie beyond the percentiles 1 and 99 by more than a tenth of what is between them.
    """
    number = np.bincount(part, minlength=part_count)
    ordered = np.sort(part * np.float64(size) + values) - np.repeat(np.arange(part_count) * np.float64(size), number)
    last = np.cumsum(number) - 1
    first = last - number + 1
    trim = np.where(number >= _MANY, number // 100, 0)
    low, high = ordered[first + trim], ordered[last - trim]
    slack = np.rint((high - low) / 10)
    return np.stack([np.maximum(ordered[first], low - slack), np.minimum(ordered[last], high + slack)], axis=1)
