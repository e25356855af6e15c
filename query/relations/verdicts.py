"""Whether a relation holds for a thing among the landmarks of its scene, how well, and thanks to which of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...store.search.relations.predicates import HOLDS
from ...store.search.relations.shapes import Shape, distance
from .expressions import And, Choice, FarthestFrom, Highest, Largest, Lowest, NearestTo, Not, Or, Predicate, Relation


@dataclass(frozen=True, eq=False)
class Placed:
    """A thing that a search found, and where it is."""

    found: Any  # what the search knows it by
    superpoints: frozenset[int]  # of its scene
    shape: Shape
    weight: float = 1.0  # how likely it is what was searched for
    counts: bool = True  # whether it is taken for that: only then it makes a relation true

    def overlaps(self, other: "Placed") -> bool:
        """Whether the two are, in part, the same thing."""
        return not self.superpoints.isdisjoint(other.superpoints)


@dataclass(frozen=True)
class Reason:
    """A landmark that made a relation true."""

    relation: Predicate | Choice
    landmark: Placed


@dataclass(frozen=True)
class Verdict:
    """What is to be said of one relation and one thing."""

    grade: float  # 0 to 1, the landmark's probability in it
    holds: bool
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What a scene has to relate things to."""

    landmarks: Mapping[str, Sequence[Placed]]  # by the words they were searched with
    viewers: Mapping[str, NDArray[np.float64]]  # (3,) where the frames were taken, in the frame of `upright`


def judge(relation: Relation, thing: Placed, around: Surroundings) -> Verdict:
    """The verdict on a relation without choices.

    A predicate is graded by its best landmark, probability times grade. NOT takes the grade from 1, AND multiplies
    grades, OR takes the best.
    """
    if isinstance(relation, Predicate):
        return _of_landmarks(relation, thing, around)
    if isinstance(relation, Not):
        inner = judge(relation.relation, thing, around)
        return Verdict(1 - inner.grade, not inner.holds)
    assert isinstance(relation, And | Or)
    parts = [judge(part, thing, around) for part in relation.relations]
    if isinstance(relation, And):
        reasons = tuple(reason for part in parts for reason in part.reasons)
        holds = all(part.holds for part in parts)
        return Verdict(float(np.prod([part.grade for part in parts])), holds, reasons if holds else ())
    true = [part for part in parts if part.holds]
    best = max(true, key=lambda part: part.grade, default=None)
    return Verdict(max(part.grade for part in parts), best is not None, best.reasons if best else ())


def scenes_where(
    relation: Relation, known: Mapping[str, frozenset[int]], frames: Mapping[str, int]
) -> frozenset[int] | None:
    """The scenes in which the relation can hold; None: in any.

    `known` has those with a landmark that counts, by its words; `frames` the scene of each frame that is a viewer.
    """
    if isinstance(relation, Predicate):
        there = frozenset.intersection(*(known[words] for words in relation.landmarks))
        return there if relation.seen_by is None else there & {frames[relation.seen_by]}
    parts = [scenes_where(part, known, frames) for part in getattr(relation, "relations", ())]
    limited = [part for part in parts if part is not None]
    if isinstance(relation, And):
        return frozenset.intersection(*limited) if limited else None
    if isinstance(relation, Or):
        return frozenset().union(*limited) if len(limited) == len(parts) else None
    return None


def measured(choice: Choice, thing: Placed, floor: float, around: Surroundings) -> tuple[float, tuple[Reason, ...]]:
    """What a choice orders by, the least first, and the landmark it was measured to; infinity where there is none."""
    shape = thing.shape
    if isinstance(choice, NearestTo | FarthestFrom):
        there = [one for one in around.landmarks[choice.landmark] if one.counts and not one.overlaps(thing)]
        found = [(distance(shape, one.shape), place) for place, one in enumerate(there)]
        if not found:
            return np.inf, ()
        metres, place = min(found)
        return metres if isinstance(choice, NearestTo) else -metres, (Reason(choice, there[place]),)
    if isinstance(choice, Highest | Lowest):
        height = float(shape.centre[2]) - floor
        return -height if isinstance(choice, Highest) else height, ()
    return -shape.diagonal if isinstance(choice, Largest) else shape.diagonal, ()


def _of_landmarks(predicate: Predicate, thing: Placed, around: Surroundings) -> Verdict:
    seen_by = predicate.seen_by
    viewer = None if seen_by is None else around.viewers.get(seen_by)
    if seen_by is not None and viewer is None:
        return Verdict(0.0, False)
    grade, best = 0.0, 0.0
    reasons: tuple[Reason, ...] = ()
    for landmarks in _choices(predicate, thing, around):
        own = predicate.grade(thing.shape, [one.shape for one in landmarks], viewer)
        weighed = own * float(np.prod([one.weight for one in landmarks]))
        grade = max(grade, weighed)
        if own >= HOLDS and all(one.counts for one in landmarks) and (weighed > best or not reasons):
            best, reasons = weighed, tuple(Reason(predicate, one) for one in landmarks)
    return Verdict(grade, bool(reasons), reasons)


def _choices(predicate: Predicate, thing: Placed, around: Surroundings) -> Iterator[Sequence[Placed]]:
    """Each way to fill the predicate's landmarks with other things than this one."""
    there = [[one for one in around.landmarks[words] if not one.overlaps(thing)] for words in predicate.landmarks]
    if len(there) == 2 and predicate.landmarks[0] == predicate.landmarks[1]:
        yield from (pair for pair in combinations(there[0], 2) if not pair[0].overlaps(pair[1]))
    else:
        yield from (filled for filled in product(*there) if len(filled) < 2 or not filled[0].overlaps(filled[1]))
