"""Boxes around parts of a cloud: along the axes, and turned about the up axis to fit as closely as they can."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput
from ...core.features import OrientedBox
from ..compiled import compiled

_GROUND = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}  # with up as the third, right-handed


@dataclass(frozen=True)
class Boxes:
    """One axis-aligned and one oriented box for each part."""

    box_min: NDArray[np.float64]  # (R, 3) metres
    box_max: NDArray[np.float64]  # (R, 3) metres
    oriented: tuple[OrientedBox, ...]  # R, never of more volume than the axis-aligned ones


def boxes(xyz: NDArray[np.float64], part: NDArray[np.int32], part_count: int, up_axis: str = "z") -> Boxes:
    """The boxes of the parts 0..part_count-1 that (N,) `part` makes of the points; each part has a point.

    The oriented box stands upright: the rectangle of least area around the part's footprint, times its height, turned
    by at most 45 degrees from the axes. Where no turned rectangle is smaller, it is the axis-aligned box. Boxes of
    flat, straight or single-point parts have edges of length 0.
    """
    letter = up_axis.lower().lstrip("+-")
    if letter not in _GROUND:
        raise BadInput(f"The up axis is {up_axis!r}; x, y or z was expected.")
    first, second = _GROUND[letter]
    box_min, box_max = bounds(xyz, part, part_count)
    local = xyz - box_min[part]  # small numbers: far from the origin nothing is lost
    order = np.lexsort((local[:, second], local[:, first], part))
    stop = np.cumsum(np.bincount(part, minlength=part_count))
    ground = np.ascontiguousarray(local[order][:, [first, second]])
    turned = least_rectangles(ground, stop, (box_max - box_min)[:, [first, second]])
    oriented = []
    for low, high, (cosine, sine, start0, stop0, start1, stop1) in zip(box_min, box_max, turned, strict=True):
        axes = np.eye(3)
        axes[[first, second], first] = cosine, sine
        axes[[first, second], second] = -sine, cosine
        size, centre = high - low, (low + high) / 2
        size[[first, second]] = stop0 - start0, stop1 - start1
        if (cosine, sine) != (1, 0):
            middle0, middle1 = (start0 + stop0) / 2, (start1 + stop1) / 2
            centre[first] = low[first] + cosine * middle0 - sine * middle1
            centre[second] = low[second] + sine * middle0 + cosine * middle1
        oriented.append(OrientedBox(centre, axes, size))
    return Boxes(box_min, box_max, tuple(oriented))


def footprints(
    xyz: NDArray[np.float64], part: NDArray[np.int32], part_count: int, up_axis: str
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """(R + 1,) where the convex hull of each part's footprint starts, and (H, 2) their vertices, metres.

    The two axes are those after the up axis in cyclic order; vertices go counter-clockwise; each part has a point.
    """
    first, second = _GROUND[up_axis.lower().lstrip("+-")]
    order = np.lexsort((xyz[:, second], xyz[:, first], part))
    ground = np.ascontiguousarray(xyz[order][:, [first, second]])
    stop = np.cumsum(np.bincount(part, minlength=part_count))
    hulls = []
    for low, high in zip(np.append(0, stop[:-1]).tolist(), stop.tolist(), strict=True):
        rows = np.empty(high - low + 1, np.int64)
        count = hull_of(ground[low:high], rows)
        hulls.append(ground[low:high][rows[: max(count - 1, 1)]])
    start = np.cumsum([0, *map(len, hulls)]).astype(np.int32)
    return start, np.concatenate(hulls)


def bounds(
    values: NDArray[np.floating], part: NDArray[np.int32], part_count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(R, D) least and largest values of (N, D) in each part; each part has a row."""
    order = np.argsort(part, kind="stable")
    start = np.searchsorted(part[order], np.arange(part_count))
    column = [np.ascontiguousarray(values[order, d], np.float64) for d in range(values.shape[1])]
    low = np.stack([np.minimum.reduceat(c, start) for c in column], axis=1)
    high = np.stack([np.maximum.reduceat(c, start) for c in column], axis=1)
    return low, high


@compiled
def hull_of(points, hull):  # type: ignore[no-untyped-def]
    """Rows of the convex hull, counter-clockwise, the first at the end again, into `hull` (n + 1,); how many.

    Andrew's monotone chain: (n, 2) points sorted by both coordinates, the lower hull from left to right, then the upper
    one back.
    """
    count = 0
    for way in range(2):
        kept = count if way == 1 else 1
        for step in range(way, len(points)):
            i = step if way == 0 else len(points) - 1 - step
            while count > kept:
                o, a = points[hull[count - 2]], points[hull[count - 1]]
                turn = (a[0] - o[0]) * (points[i, 1] - o[1]) - (a[1] - o[1]) * (points[i, 0] - o[0])
                if turn > 0:
                    break
                count -= 1
            hull[count] = i
            count += 1
    return count


@compiled
def least_rectangles(ground, stop, extent):  # type: ignore[no-untyped-def]
    """(R, 6) cosine and sine of the turn, then the two ranges along the turned axes.

    `ground` (N, 2) is sorted by part, then by both coordinates; part r ends before row stop[r]; extent (R, 2) is its
    axis-aligned size, from 0.
    """
    result = np.empty((len(stop), 6))
    start = 0
    for r in range(len(stop)):
        points = ground[start : stop[r]]
        start = stop[r]
        result[r] = np.array([1.0, 0.0, 0.0, extent[r, 0], 0.0, extent[r, 1]])
        least = extent[r, 0] * extent[r, 1]

        hull = np.empty(len(points) + 1, np.int64)
        count = hull_of(points, hull)
        # One side of the least rectangle lies along an edge of the hull (Freeman and Shapira, CACM 1975).
        for e in range(count - 1):
            along0 = points[hull[e + 1], 0] - points[hull[e], 0]
            along1 = points[hull[e + 1], 1] - points[hull[e], 1]
            length = np.sqrt(along0 * along0 + along1 * along1)
            if length == 0:
                continue
            cosine, sine = along0 / length, along1 / length
            while not (cosine > 0 and -cosine < sine <= cosine):
                cosine, sine = -sine, cosine  # a quarter turn further is the same rectangle
            low0 = low1 = np.inf
            high0 = high1 = -np.inf
            for h in range(count):
                x, y = points[hull[h], 0], points[hull[h], 1]
                low0, high0 = min(low0, cosine * x + sine * y), max(high0, cosine * x + sine * y)
                low1, high1 = min(low1, cosine * y - sine * x), max(high1, cosine * y - sine * x)
            area = (high0 - low0) * (high1 - low1)
            if area < least:
                least = area
                result[r] = np.array([cosine, sine, low0, high0, low1, high1])
    return result
