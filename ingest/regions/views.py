"""Evidence: the frames that show each region best, and where in the picture."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.features import Correspondence, RegionView
from ...core.scene import Frame
from ...core.sightings import Sightings, best_rows, worth

_MANY = 100  # points from which on a box leaves out isolated ones


@dataclass(frozen=True)
class _Seen:
    """Sightings without their boxes, by part, then frame; R of them."""

    part: NDArray[np.int64]  # (R,)
    frame: NDArray[np.int64]  # (R,)
    visible: NDArray[np.int64]  # (R,)
    off_centre: NDArray[np.float64]  # (R,)
    depth: NDArray[np.float64]  # (R,)


def best_views(
    region: NDArray[np.int32],
    centres: NDArray[np.float64],
    correspondences: Sequence[Correspondence],
    frames: Sequence[Frame],
    top: int,
) -> list[tuple[RegionView, ...]]:
    """Up to `top` views for each of the regions 0..R-1, best first; (N,) `region` is -1 where a point has none.

    See `Sightings.worth` and `best_rows` for what makes a view good.
    """
    seen_by = {c.frame: c for c in correspondences if len(c)}
    seen = _seen(region, len(centres), seen_by, frames)
    value = worth(seen.visible, seen.off_centre, seen.depth)
    chosen = best_rows(seen.part, seen.frame, value, centres, eyes(frames), top)
    box = _pixel_boxes(region, len(centres), seen, chosen, seen_by, frames)
    views: list[list[RegionView]] = [[] for _ in centres]
    for row, (x0, y0, x1, y1) in zip(chosen.tolist(), box.tolist(), strict=True):
        view = RegionView(int(seen.frame[row]), (x0, y0, x1, y1), int(seen.visible[row]))
        views[seen.part[row]].append(view)
    return [tuple(found) for found in views]


def sightings(
    region: NDArray[np.int32], region_count: int, correspondences: Sequence[Correspondence], frames: Sequence[Frame]
) -> Sightings:
    """Those of the regions 0..region_count-1, in the types of a file; (N,) `region` is -1 where a point has none."""
    seen_by = {c.frame: c for c in correspondences if len(c)}
    seen = _seen(region, region_count, seen_by, frames)
    box = _pixel_boxes(region, region_count, seen, np.arange(len(seen.part)), seen_by, frames)
    return Sightings(
        part=seen.part.astype(np.int32),
        frame=seen.frame.astype(np.int32),
        visible=seen.visible.astype(np.int32),
        off_centre=seen.off_centre.astype(np.float32),
        depth=seen.depth.astype(np.float32),
        box_xyxy=box.astype(np.int32),
    )


def eyes(frames: Sequence[Frame]) -> NDArray[np.float64]:
    """(F, 3) metres, where each frame was taken."""
    return np.array([frame.camera_to_world[:3, 3] for frame in frames]).reshape(-1, 3)


def _seen(
    region: NDArray[np.int32], region_count: int, seen_by: dict[int, Correspondence], frames: Sequence[Frame]
) -> _Seen:
    columns = [(*(np.empty(0, np.int64) for _ in range(3)), np.empty(0), np.empty(0))]
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
        columns.append((there, np.full(len(there), position), points, off_centre, depth))
    values = [np.concatenate(parts) for parts in zip(*columns, strict=True)]
    order = np.argsort(values[0], kind="stable")
    return _Seen(*(column[order] for column in values))


def _pixel_boxes(
    region: NDArray[np.int32],
    region_count: int,
    seen: _Seen,
    chosen: NDArray[np.int64],
    seen_by: dict[int, Correspondence],
    frames: Sequence[Frame],
) -> NDArray[np.float64]:
    """(len(chosen), 4) x0, y0, x1, y1 of the visible points' pixels, inclusive, inside the picture."""
    box = np.empty((len(chosen), 4))
    frame = seen.frame[chosen]
    for position in np.unique(frame).tolist():
        camera, shown = frames[position].camera, seen_by[position]
        rows = np.flatnonzero(frame == position)
        slot = np.full(region_count + 1, -1)  # the last for points without a region
        slot[seen.part[chosen[rows]]] = np.arange(len(rows))
        of = slot[region[shown.point_index]]
        uv, of = shown.uv[of >= 0], of[of >= 0]
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
