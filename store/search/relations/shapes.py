"""A thing as relations see it: its points and its upright box, with the third coordinate up, in metres."""

from collections.abc import Callable
from functools import cached_property
from math import hypot, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ....core.errors import BadInput
from ....core.features import OrientedBox

_TURNED = {"x": (1, 2, 0), "y": (2, 0, 1), "z": (0, 1, 2)}  # axes of a right-handed frame whose third one is up
_THIN = 0.01  # metres: no edge of a footprint counts as shorter
_NEXT = [1, 2, 3, 0]  # the corner that follows on each
_EXACT = 1e-6  # metres by which stored boxes may be off
_ROUNDED = 1 + 1e-9  # bounds are kept in spite of rounding
_SAMPLED = 128  # points of each thing whose distances bound the least one


Extent = tuple[float, float, float, float, float, float]  # metres: the lowest x, y and z, then the highest


class Shape:
    """Where a thing is; points and box are in the frame of `upright`. What is given as a function is made when needed.

    `extent` holds the points and, seen from above, the box, with its true heights; None: that of the box.
    """

    def __init__(
        self,
        box: OrientedBox | Callable[[], OrientedBox],  # around the points, edges along the third axis and across it
        read: Callable[[], NDArray[np.float64]],  # (N, 3) at least one point
        extent: Extent | None = None,
    ) -> None:
        self._box, self._read, self._extent = box, read, extent

    @cached_property
    def box(self) -> OrientedBox:
        """Around its points, edges along the third axis and across it."""
        return self._box() if callable(self._box) else self._box

    @cached_property
    def xyz(self) -> NDArray[np.float64]:
        """(N, 3) its points."""
        return self._read()

    @cached_property
    def extent(self) -> Extent:
        """Neither its points nor its box reach beyond; not always the least such box."""
        if self._extent is not None:
            return self._extent
        (x0, y0), (x1, y1) = self.footprint.min(axis=0).tolist(), self.footprint.max(axis=0).tolist()
        middle, half = float(self.box.centre[2]), float(self.box.size[2]) / 2
        return x0, y0, middle - half, x1, y1, middle + half

    @property
    def bottom(self) -> float:
        """Metres, the lowest point."""
        return self.extent[2]

    @property
    def top(self) -> float:
        """Metres, the highest point."""
        return self.extent[5]

    @property
    def centre(self) -> NDArray[np.float64]:
        """(3,) of the box."""
        return self.box.centre

    @cached_property
    def diagonal(self) -> float:
        """Of the box: how large the thing is."""
        return float(np.linalg.norm(self.box.size))

    @cached_property
    def footprint(self) -> NDArray[np.float64]:
        """(4, 2) corners of the box seen from above, counter-clockwise."""
        half = np.maximum(self.box.size[:2], _THIN) / 2
        corners = np.array([(1, 1), (-1, 1), (-1, -1), (1, -1)]) * half
        return corners @ self.box.axes[:2, :2].T + self.box.centre[:2]

    @cached_property
    def around(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(3,) and (3,) the least box along the axes around the oriented one."""
        low, high = self.footprint.min(axis=0), self.footprint.max(axis=0)
        return np.append(low, self.bottom), np.append(high, self.top)

    @cached_property
    def area(self) -> float:
        """Of the footprint."""
        return float(np.prod(np.maximum(self.box.size[:2], _THIN)))

    def above_footprint(self, points: NDArray[np.float64], margin: float) -> NDArray[np.bool_]:
        """(K,) which points lie on the footprint grown by `margin` to each side, at whatever height."""
        local = (points[:, :2] - self.box.centre[:2]) @ self.box.axes[:2, :2]
        return np.asarray((np.abs(local) <= np.maximum(self.box.size[:2], _THIN) / 2 + margin).all(axis=1))

    def inside_box(self, points: NDArray[np.float64], margin: float) -> NDArray[np.bool_]:
        """(K,) which points lie in the box grown by `margin` to each side."""
        local = (points - self.box.centre) @ self.box.axes
        return np.asarray((np.abs(local) <= self.box.size / 2 + margin).all(axis=1))


def upright(xyz: NDArray[np.floating], up_axis: str) -> NDArray[np.float64]:
    """(N, 3) points in a right-handed frame of the same origin whose third axis is the scene's up axis."""
    return np.asarray(xyz, np.float64) @ turn(up_axis).T


def turn(up_axis: str) -> NDArray[np.float64]:
    """(3, 3) from the scene's axes to those of `upright`."""
    letter = up_axis.lower().lstrip("+-")
    if letter not in _TURNED:
        raise BadInput(f"The up axis is {up_axis!r}; x, y or z was expected.")
    rotation = np.eye(3)[list(_TURNED[letter])]
    return rotation[[1, 0, 2]] * np.array([1, 1, -1])[:, None] if up_axis.startswith("-") else rotation


def shape_of(box: OrientedBox, up_axis: str, read: Callable[[], NDArray[np.floating]]) -> Shape:
    """The shape of an upright oriented box and the points in it, both in the scene's own axes."""
    return Shape(upright_box(box, up_axis), lambda: upright(read(), up_axis))


def upright_box(box: OrientedBox, up_axis: str) -> OrientedBox:
    """An upright box of the scene's own axes in those of `upright`, its third edge standing."""
    rotation = turn(up_axis)
    up = np.abs(rotation @ box.axes)[2].argmax()  # the edge of the box that stands
    first, second = [axis for axis in range(3) if axis != up]
    axes = (rotation @ box.axes)[:, [first, second, up]]
    axes[:, 1] *= np.sign(np.linalg.det(axes[:2, :2]))  # seen from above, the second edge is left of the first
    return OrientedBox(rotation @ box.centre, axes, box.size[[first, second, up]])


def deferred_shape(
    low: NDArray[np.float64],  # (3,) of its points
    high: NDArray[np.float64],  # (3,)
    up_axis: str,
    make_box: Callable[[], OrientedBox],  # upright, its footprint no larger than that between `low` and `high`
    read: Callable[[], NDArray[np.floating]],
) -> Shape:
    """The shape of a thing, all in the scene's own axes, whose box is made when something comes near.

    Each corner of the footprint is the right angle between two of its edges that the points touch, so that it is no
    farther from them than the height over the longest side: at most the root of half the area.
    """
    ends = turn(up_axis) @ np.stack([low, high], axis=1)
    (x0, y0, z0), (x1, y1, z1) = ends.min(axis=1).tolist(), ends.max(axis=1).tolist()
    reach = sqrt((x1 - x0) * (y1 - y0) / 2) + _THIN
    extent = (x0 - reach, y0 - reach, z0, x1 + reach, y1 + reach, z1)
    return Shape(lambda: upright_box(make_box(), up_axis), lambda: upright(read(), up_axis), extent)


def ground_gap(a: Shape, b: Shape) -> float:
    """No more than the metres between the two seen from above; known without their boxes and points."""
    (ax0, ay0, _, ax1, ay1, _), (bx0, by0, _, bx1, by1, _) = a.extent, b.extent
    return hypot(max(0.0, ax0 - bx1, bx0 - ax1), max(0.0, ay0 - by1, by0 - ay1))


def gap(a: Shape, b: Shape) -> float:
    """No more than the metres between the two; known without their boxes and points."""
    return hypot(ground_gap(a, b), max(0.0, b.bottom - a.top, a.bottom - b.top))


def overlap(a: Shape, b: Shape) -> float:
    """Square metres that the two footprints share: one clipped by the edges of the other (Sutherland and Hodgman)."""
    if ground_gap(a, b) > 0 or _apart(a, b)[:2].any():
        return 0.0
    polygon = a.footprint
    for start, stop in zip(b.footprint, b.footprint[_NEXT], strict=True):
        along = stop - start
        side = along[0] * (polygon[:, 1] - start[1]) - along[1] * (polygon[:, 0] - start[0])  # left of the edge: in
        inside, following = side >= 0, np.append(side[1:], side[0])
        if not inside.any():
            return 0.0
        if inside.all():
            continue
        crossing = inside != (following >= 0)
        share = side[crossing] / (side[crossing] - following[crossing])
        onwards = (np.append(polygon[1:], polygon[:1], axis=0) - polygon)[crossing]
        cut = polygon[crossing] + share[:, None] * onwards
        kept = np.concatenate([np.flatnonzero(inside), np.flatnonzero(crossing) + 0.5])
        polygon = np.concatenate([polygon[inside], cut])[np.argsort(kept)]
    x, y = polygon.T
    return float(abs(x @ np.append(y[1:], y[0]) - y @ np.append(x[1:], x[0])) / 2)


def sideways(a: Shape, b: Shape) -> float:
    """Metres between the two footprints, 0 where they overlap."""
    if overlap(a, b) > 0:
        return 0.0
    return float(min(_to_edges(a.footprint, b.footprint).min(), _to_edges(b.footprint, a.footprint).min()))


def box_gap(a: Shape, b: Shape) -> float:
    """Metres between the two boxes, 0 where they overlap: never more than the distance of the points."""
    upwards = max(0.0, b.bottom - a.top, a.bottom - b.top)
    return float(np.hypot(sideways(a, b), upwards))


def distance(a: Shape, b: Shape, limit: float = np.inf) -> float:
    """Metres between the two points that are closest; infinity where that is more than `limit`.

    Only points are compared that a coarser bound leaves: memory and time are those of the points that face each other.
    """
    if gap(a, b) > limit or np.linalg.norm(_apart(a, b)) > limit:
        return np.inf
    bound = min(limit, _sampled_distance(a.xyz, b.xyz))
    facing = sorted((a.xyz[_near(a.xyz, b, bound)], b.xyz[_near(b.xyz, a, bound)]), key=len)
    if len(facing[0]) == 0:
        return np.inf
    found = float(cKDTree(facing[0]).query(facing[1], distance_upper_bound=bound * _ROUNDED + _EXACT)[0].min())
    return found if found <= limit else np.inf


def _near(points: NDArray[np.float64], shape: Shape, bound: float) -> NDArray[np.bool_]:
    """(K,) which points are so near to the box around the shape, along each axis."""
    low, high = shape.around
    bound = bound * _ROUNDED + _EXACT
    return np.asarray(((points >= low - bound) & (points <= high + bound)).all(axis=1))


def _sampled_distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """An upper bound: that of some points of each."""
    a, b = (points[:: max(1, len(points) // _SAMPLED)] for points in (a, b))
    squares = np.einsum("kd,kd->k", a, a)[:, None] + np.einsum("kd,kd->k", b, b) - 2 * (a @ b.T)
    k, j = np.unravel_index(squares.argmin(), squares.shape)
    return float(np.linalg.norm(a[k] - b[j]))


def _apart(a: Shape, b: Shape) -> NDArray[np.float64]:
    """(3,) metres between the two along each axis."""
    return np.asarray(np.maximum(np.maximum(a.around[0] - b.around[1], b.around[0] - a.around[1]), 0))


def _to_edges(points: NDArray[np.float64], polygon: NDArray[np.float64]) -> NDArray[np.float64]:
    """(K, 4) distances of points from the edges of a footprint."""
    along = polygon[_NEXT] - polygon
    offset = points[:, None] - polygon
    share = np.clip(np.einsum("ked,ed->ke", offset, along) / np.einsum("ed,ed->e", along, along), 0, 1)
    return np.asarray(np.linalg.norm(offset - share[..., None] * along, axis=2))
