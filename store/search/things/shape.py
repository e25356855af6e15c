"""Where a union of superpoints lies and which frames show it, from its tree alone: no point is read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....core.features import OrientedBox, RegionView
from ....core.sightings import Sightings
from ....core.things import ThingTree

_VIEWS = 5  # best frames of a thing, as of a stored region
_AROUND = np.array([[1, 0], [1, 1], [0, 1], [-1, 1], [-1, 0], [-1, -1], [0, -1], [1, -1]], np.float64)
_MANY = 24  # points of a footprint from which on leaving out its middle pays
_GROUND = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}  # with up as the third, right-handed


@dataclass(frozen=True, eq=False)
class Shape:
    """A union of superpoints in the scene's axes, metres."""

    point_count: int
    seen_count: int
    centre: NDArray[np.float64]  # (3,) mean of its points
    box_min: NDArray[np.float64]  # (3,)
    box_max: NDArray[np.float64]  # (3,)
    oriented_box: OrientedBox  # upright, of least volume


def shape_of(tree: ThingTree, leaves: NDArray[np.integer]) -> Shape:
    """That of some leaves, at least one, ascending."""
    points = int(tree.point_count[leaves].sum())
    centre = tree.centre_sum[leaves].sum(axis=0) / points
    low, high = tree.box_min[leaves].min(axis=0), tree.box_max[leaves].max(axis=0)
    return Shape(points, int(tree.seen_count[leaves].sum()), centre, low, high, box_of(tree, leaves))


def box_of(tree: ThingTree, leaves: NDArray[np.integer]) -> OrientedBox:
    """The upright box of least volume around some leaves, at least one."""
    low, high = tree.box_min[leaves].min(axis=0), tree.box_max[leaves].max(axis=0)
    hulls = [tree.hull_xy[tree.hull_start[leaf] : tree.hull_start[leaf + 1]] for leaf in leaves.tolist()]
    return oriented_box(np.concatenate(hulls), low, high, tree.up_axis)


def views_of(unions: Sequence[tuple[ThingTree, NDArray[np.integer]]]) -> list[tuple[RegionView, ...]]:
    """The frames that show each union of leaves, best first; chosen for all at once, which costs what one does."""
    if not unions:
        return []
    seen = [tree.sightings.of_union(leaves) for tree, leaves in unions]
    centres = [tree.centre_sum[leaves].sum(axis=0) / tree.point_count[leaves].sum() for tree, leaves in unions]
    first = np.cumsum([0, *(len(tree.eyes) for tree, _ in unions)]).tolist()  # frames of all, one union after the other
    together = Sightings(
        part=np.repeat(np.arange(len(seen)), [len(one) for one in seen]),
        frame=np.concatenate([one.frame.astype(np.int64) + offset for one, offset in zip(seen, first, strict=False)]),
        visible=np.concatenate([one.visible for one in seen]),
        off_centre=np.concatenate([one.off_centre for one in seen]),
        depth=np.concatenate([one.depth for one in seen]),
        box_xyxy=np.concatenate([one.box_xyxy for one in seen]),
    )
    eyes = np.concatenate([tree.eyes for tree, _ in unions])
    found = together.best_views(np.stack(centres), eyes, _VIEWS)
    return [
        tuple(RegionView(view.frame - offset, view.box_xyxy, view.visible_points) for view in views)
        for views, offset in zip(found, first, strict=False)
    ]


def oriented_box(
    ground: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64], up_axis: str
) -> OrientedBox:
    """The upright box of least volume around what stands on (H, 2) `ground` between the corners `low` and `high`.

    As ingest/regions/boxes.py makes it of points: of their hull nothing but its vertices counts.
    """
    first, second = _GROUND[up_axis.lower().lstrip("+-")]
    axes, size, centre = np.eye(3), high - low, (low + high) / 2
    corner = low[[first, second]]
    hull = _hull(ground - corner)
    along = np.diff(hull, axis=0)
    length = np.hypot(along[:, 0], along[:, 1])
    turn = along[length > 0] / length[length > 0, None]
    turn = _within_45(turn)
    across = turn @ hull.T  # (edges, vertices)
    aside = np.stack([-turn[:, 1], turn[:, 0]], axis=1) @ hull.T
    width, depth = np.ptp(across, axis=1), np.ptp(aside, axis=1)
    area = width * depth
    if len(area) and area.min() < size[first] * size[second]:
        best = int(area.argmin())
        cosine, sine = turn[best]
        axes[[first, second], first] = cosine, sine
        axes[[first, second], second] = -sine, cosine
        size[[first, second]] = width[best], depth[best]
        middle0 = (across[best].min() + across[best].max()) / 2
        middle1 = (aside[best].min() + aside[best].max()) / 2
        centre[first] = low[first] + cosine * middle0 - sine * middle1
        centre[second] = low[second] + sine * middle0 + cosine * middle1
    return OrientedBox(centre, axes, size)


def _within_45(turn: NDArray[np.float64]) -> NDArray[np.float64]:
    """(E, 2) cosine and sine of each direction, or of a quarter turn or more further: the same rectangle."""
    turn = turn.copy()
    while (away := ~((turn[:, 0] > 0) & (-turn[:, 0] < turn[:, 1]) & (turn[:, 1] <= turn[:, 0]))).any():
        turn[away] = np.stack([-turn[away, 1], turn[away, 0]], axis=1)
    return turn


def _hull(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(h, 2) vertices of the convex hull, counter-clockwise, the first at the end again (Andrew's monotone chain)."""
    if len(points) > _MANY:
        points = points[~_in_the_middle(points)]
    ordered = points[np.lexsort((points[:, 1], points[:, 0]))].tolist()
    return np.array([*_chain(ordered), *_chain(ordered[::-1]), ordered[0]])


def _in_the_middle(points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(N,) strictly inside the octagon of the points that reach farthest each way, so that none is a vertex."""
    corner = points[(points @ _AROUND.T).argmax(axis=0)]
    edge = np.roll(corner, -1, axis=0) - corner
    edge, corner = (values[(edge != 0).any(axis=1)] for values in (edge, corner))
    if len(corner) < 3:
        return np.zeros(len(points), bool)
    away = points[:, None] - corner
    left = edge[:, 0] * away[:, :, 1] - edge[:, 1] * away[:, :, 0]
    return np.asarray((left > 0).all(axis=1))


def _chain(points: list[list[float]]) -> Iterator[list[float]]:
    """One half of the hull, without its last vertex."""
    kept: list[list[float]] = []
    for x, y in points:
        while len(kept) > 1:
            (ox, oy), (ax, ay) = kept[-2:]
            if (ax - ox) * (y - oy) - (ay - oy) * (x - ox) > 0:
                break
            kept.pop()
        kept.append([x, y])
    yield from kept[:-1]
