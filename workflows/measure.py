"""How two things of a scene lie to one another, by their boxes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core.errors import BadInput, Misused
from ..store.catalog import catalog, region_names
from ..store.postgres.database import Database
from ..store.search.relations.predicates import NEAR, SIDEWAYS, TOUCH

_MOST_INSIDE = 0.8  # of a box's volume: no less of it is in what it is inside of


@dataclass(frozen=True)
class Measured:
    """Distances in metres; the rest says where the first lies, seen from the second."""

    scene: str  # "dataset/scene"
    first: str  # the region's full name
    second: str  # the same, or the point
    between_centres: float
    between_boxes: float  # the least distance of the two boxes along the axes; 0 where they overlap
    above: bool  # lowest edge no more than 0.10 m below the other's highest, sideways no more than 0.25 m away
    below: bool
    beside: bool  # no more than 0.5 m away at a common height, and neither above, below nor inside
    inside: bool  # 80 % or more of its box lies in the other's, and it is neither above nor below


def measure(store: Database, first: str, second: str | Sequence[float], features: str | None = None) -> Measured:
    """SCENE:REGION against another one of the scene, or against a point x, y, z.

    Misused for regions of two scenes, BadInput for what is no point.
    """
    one = region_names.find(store, first, features)
    scene = catalog.find_scene(store, f"{one.dataset}/{one.scene}")
    if isinstance(second, str):
        other = region_names.find(store, second, features)
        if other.scene_id != one.scene_id:
            raise Misused(
                f"{one.full_name} and {other.full_name} are in two scenes, whose coordinates have nothing in common."
            )
        name, centre, box = other.full_name, np.array(other.centre), np.array([other.box_min, other.box_max])
    else:
        centre = np.array(second, np.float64)
        if centre.shape != (3,) or not np.isfinite(centre).all():
            raise BadInput(f"The point {list(second)} is not three finite numbers x, y, z.")
        name, box = "{:g}, {:g}, {:g}".format(*centre), np.array([centre, centre])
    a, b = _upright(np.array([one.box_min, one.box_max]), scene.up_axis), _upright(box, scene.up_axis)
    gap = np.maximum(0, np.maximum(a[0] - b[1], b[0] - a[1]))
    above, below = _above(a, b), _above(b, a)
    inside = _inside(a, b) and not (above or below)
    beside = bool(np.linalg.norm(gap) <= NEAR and gap[2] == 0) and not (above or below or inside)
    return Measured(
        scene=scene.full_name,
        first=one.full_name,
        second=name,
        between_centres=float(np.linalg.norm(np.array(one.centre) - centre)),
        between_boxes=float(np.linalg.norm(gap)),
        above=above,
        below=below,
        beside=beside,
        inside=inside,
    )


def _upright(box: NDArray[np.float64], up_axis: str) -> NDArray[np.float64]:
    """(2, 3) least and greatest corner, the third coordinate up."""
    axis = "xyz".index(up_axis[-1])
    turned = np.roll(box, 2 - axis, axis=1)
    if up_axis.startswith("-"):  # half a turn about the first axis
        turned = np.sort(turned * [1, -1, -1], axis=0)
    return turned


def _above(a: NDArray[np.float64], b: NDArray[np.float64]) -> bool:
    sideways = np.maximum(0, np.maximum(a[0] - b[1], b[0] - a[1]))[:2]
    higher = a[0, 2] >= b[1, 2] - TOUCH and a[:, 2].sum() > b[:, 2].sum()
    return bool(higher and np.linalg.norm(sideways) <= SIDEWAYS)


def _inside(a: NDArray[np.float64], b: NDArray[np.float64]) -> bool:
    """Along each axis a flat box counts as all in or all out."""
    size = a[1] - a[0]
    shared = np.minimum(a[1], b[1]) - np.maximum(a[0], b[0])
    if (shared < 0).any():
        return False
    return bool(np.prod(np.where(size > 0, shared / np.where(size > 0, size, 1), 1)) >= _MOST_INSIDE)
