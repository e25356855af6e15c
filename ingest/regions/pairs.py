"""Which objects of a scene are close to one another, and which stands on which: for SQL."""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from ...core.features import RegionFeatures
from ...store.publish.pairs import RegionPair
from ...store.search.relations.predicates import HOLDS, on, support_height
from ...store.search.relations.shapes import Shape, distance, shape_of

WITHIN = 2.0  # metres: pairs farther apart are not recorded
_CONTACT = 0.5  # metres: what stands on another thing has some point of it this near


def close_pairs(
    xyz: NDArray[np.float64], object_of_point: NDArray[np.int32], objects: RegionFeatures, up_axis: str
) -> list[RegionPair]:
    """Every two objects that are no more than 2 m apart, by ordinals; of several supports, the nearest in height."""
    order = np.argsort(object_of_point, kind="stable")
    start = np.searchsorted(object_of_point[order], [region.ordinal for region in objects.regions])
    if not objects.regions:
        return []
    shapes = [
        shape_of(region.oriented_box, up_axis, partial(_rows, xyz, order, first, region.point_count))
        for region, first in zip(objects.regions, start.tolist(), strict=True)
    ]
    metres = {}
    for first, second in _whose_boxes_are_close(shapes):
        found = distance(shapes[first], shapes[second], WITHIN)
        if found <= WITHIN:
            metres[first, second] = found
    support = _supports(shapes, [pair for pair, found in metres.items() if found < _CONTACT])
    ordinals = [region.ordinal for region in objects.regions]
    return [
        RegionPair(ordinals[first], ordinals[second], found, _supported(ordinals, support, first, second))
        for (first, second), found in metres.items()
    ]


def _rows(xyz: NDArray[np.float64], order: NDArray[np.intp], first: int, count: int) -> NDArray[np.float64]:
    return xyz[order[first : first + count]]


def _whose_boxes_are_close(shapes: list[Shape]) -> list[tuple[int, int]]:
    """Pairs of which the spheres around the boxes are no more than 2 m apart."""
    centres = np.stack([shape.centre for shape in shapes])
    radius = np.array([shape.diagonal / 2 for shape in shapes])
    found = []
    for first in range(len(shapes)):
        apart = np.linalg.norm(centres[first + 1 :] - centres[first], axis=1) - radius[first + 1 :] - radius[first]
        found += [(first, first + 1 + int(beside)) for beside in np.flatnonzero(apart <= WITHIN)]
    return found


def _supports(shapes: list[Shape], pairs: list[tuple[int, int]]) -> dict[int, int]:
    """What each thing stands on, if it does."""
    best: dict[int, tuple[float, int]] = {}
    for pair in pairs:
        for thing, bearer in (pair, pair[::-1]):
            if on(shapes[thing], shapes[bearer]) >= HOLDS:
                height = support_height(shapes[thing], shapes[bearer])
                assert height is not None
                best[thing] = min(best.get(thing, (np.inf, -1)), (abs(shapes[thing].bottom - height), bearer))
    return {thing: bearer for thing, (_, bearer) in best.items()}


def _supported(ordinals: list[int], support: dict[int, int], first: int, second: int) -> int | None:
    if support.get(first) == second:
        return ordinals[first]
    return ordinals[second] if support.get(second) == first else None
