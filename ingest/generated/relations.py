"""How the things of a generated scene stand to one another: truth of its exact surfaces, whether seen or not.

What a thing stands on is what it was put on. The rest follows from the definitions of docs/relations.md, over points
on the whole of each surface, without the noise, the gaps and the mistakes of a scan.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import combinations, permutations
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...store.search.relations import predicates
from ...store.search.relations.shapes import Shape, shape_of
from ..regions.boxes import boxes
from .geometry import Geometry, PlacedObject
from .reconstruct import density
from .refine import refined

SPACING = 0.05  # metres between the points that stand for a surface, about
_EXACT = 0.02  # metres by which surfaces that touch are off, as they are modelled
_SHELL = ("wall", "floor", "ceiling")

Relations: TypeAlias = Mapping[str, Sequence[tuple[int, ...]]]


def relations_of(geometry: Geometry, objects: Sequence[PlacedObject]) -> Relations:
    """The tuples of object_id for which each relation holds, the thing first; walls, floor and ceiling left out.

    "near" and "beside" have each pair once, the lower id first; in "between", the two landmarks are in ascending order.
    """
    things = [placed.object_id for placed in objects if placed.label not in _SHELL]
    shapes = _shapes(geometry, objects)
    either = list(combinations(things, 2))

    def holding(
        measure: Callable[..., float], pairs: Iterable[tuple[int, int]], **exact: float
    ) -> list[tuple[int, ...]]:
        return [(a, b) for a, b in pairs if measure(shapes[a], shapes[b], **exact) >= predicates.HOLDS]

    return {
        "on": [(placed.object_id, placed.stands_on) for placed in objects if placed.stands_on is not None],
        "near": holding(predicates.near, either),
        "beside": holding(predicates.beside, either, touch=_EXACT),
        "under": holding(predicates.under, permutations(things, 2), touch=_EXACT),
        "below": holding(predicates.below, permutations(things, 2), touch=_EXACT),
        "inside": holding(predicates.inside, permutations(things, 2)),
        "between": _between(things, shapes),
    }


def _shapes(geometry: Geometry, objects: Sequence[PlacedObject]) -> list[Shape]:
    """Of each object, by its id."""
    fine = refined(geometry, density(objects, SPACING))
    count = len(objects)
    owner = np.empty(len(fine.vertices), np.int32)
    owner[fine.faces] = fine.part_object[fine.face_part][:, None]
    around = boxes(fine.vertices, owner, count).oriented
    return [shape_of(around[one], "z", partial(_rows, fine.vertices, owner, one)) for one in range(count)]


def _rows(vertices: NDArray[np.float64], owner: NDArray[np.int32], one: int) -> NDArray[np.float64]:
    return vertices[owner == one]


def _between(things: Sequence[int], shapes: Sequence[Shape]) -> list[tuple[int, ...]]:
    """By the definition, for all things at once."""
    own = np.array(things)
    centres = np.array([shapes[one].centre for one in things]).reshape(-1, 3)
    longest = np.array([shapes[one].box.size.max() for one in things])
    found = []
    for b, c in combinations(range(len(own)), 2):
        line, offset = centres[c] - centres[b], centres - centres[b]
        length = float(line @ line)
        if length == 0:
            continue
        share = offset @ line / length
        off = np.linalg.norm(offset - share[:, None] * line, axis=1)
        beside = (share >= 0.1) & (share <= 0.9) & (off <= max(longest[b], longest[c]) / 2)
        found += [(int(own[a]), int(own[b]), int(own[c])) for a in np.flatnonzero(beside) if a not in (b, c)]
    return sorted(found)
