"""Things of all scenes, those with the best superpoint first, as many as are asked for.

An index proposes superpoints. What it proposes only decides which scenes are looked at: their superpoints are scored
from their trees, and a thing comes out once no scene that was not proposed can have a better one. So the same things
come in the same order whatever index there is.
"""

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....core.features import Query
from ..region_vectors import Found, RegionVectors
from .branches import Branches
from .grouping import Grouping, Grown

_FIRST, _MORE = 256, 4  # superpoints that an index is asked for; so many times more when these are used up
_ERROR = 1e-6  # more than two ways to compute a cosine differ

Find = Callable[[int], Found]


@dataclass(frozen=True, eq=False)
class Candidate:
    """A thing that may be a hit: superpoints that grew together, or a stored object."""

    feature_set: int
    seed_vector: NDArray[np.float16]  # (C,) of the superpoint it grew from
    vector: NDArray[np.float16]  # (C,) of all of it
    lift: float  # what the seed's score exceeds the scene's by
    point_count: int
    grown: Grown | None = None
    region: int | None = None  # the id of the stored object


def grown_candidates(
    query: Query, table: RegionVectors, find: Find, branches_of: Callable[[int], Branches | None]
) -> Iterator[Candidate]:
    """The things of scenes that have trees; `find` proposes superpoints out of `table`."""
    groupings: dict[int, Grouping | None] = {}
    waiting: list[tuple[float, int, Grouping]] = []  # a heap: the best next superpoint first
    starts = np.array([start for start, _ in table.spans.values()])
    by_start = np.argsort(starts)
    sets = np.array(list(table.spans))[by_start]
    count = _FIRST
    while True:
        ids, scores = find(count)
        rows = table.rows_of(ids)
        proposed = sets[np.searchsorted(starts[by_start], rows, side="right") - 1]
        for feature_set in dict.fromkeys(proposed.tolist()):
            if feature_set not in groupings:
                groupings[feature_set] = grouping = _grouping(query, branches_of(feature_set))
                if grouping is not None:
                    heapq.heappush(waiting, (-grouping.next_score, feature_set, grouping))
        least = float(scores[-1]) - _ERROR if len(ids) == count else -np.inf
        while waiting and least <= -waiting[0][0] > -np.inf:
            _, feature_set, grouping = waiting[0]
            yield _candidate(feature_set, grouping.grow())
            heapq.heapreplace(waiting, (-grouping.next_score, feature_set, grouping))
        if len(ids) < count:
            return
        count *= _MORE


def _grouping(query: Query, branches: Branches | None) -> Grouping | None:
    if branches is None:
        return None
    return Grouping(branches, branches.unit @ query.vector, query.thing_options)


def _candidate(feature_set: int, grown: Grown) -> Candidate:
    seed = grown.branches.tree.vectors[grown.seed]
    return Candidate(feature_set, seed, grown.vector, grown.lift, grown.point_count, grown)


@dataclass(frozen=True)
class StoredObject:
    """What the database knows of an object that stands for a thing."""

    region: int
    feature_set: int
    point_count: int
    scene_mean: NDArray[np.float16]  # (C,) of its scene


def object_candidates(
    query: Query,
    table: RegionVectors,
    find: Find,
    look_up: Callable[[Sequence[int]], dict[int, StoredObject]],
) -> Iterator[Candidate]:
    """The objects of scenes without trees; `find` proposes objects out of `table`."""
    given, count = 0, _FIRST
    while True:
        ids, scores = find(count)
        vectors = table.vectors[table.rows_of(ids)]
        known = look_up(ids[given:].tolist())
        for region, score, vector in zip(ids[given:].tolist(), scores[given:], vectors[given:], strict=True):
            if region in known:
                found = known[region]
                whole = float(found.scene_mean.astype(np.float32) @ query.vector)
                yield Candidate(
                    found.feature_set, vector, vector, float(score) - whole, found.point_count, region=region
                )
        if len(ids) < count:
            return
        given, count = count, count * _MORE


def merged(query: Query, *sources: Iterator[Candidate]) -> Iterator[Candidate]:
    """All candidates, best seed first."""
    heads = [(head, source) for source in sources if (head := next(source, None)) is not None]
    while heads:
        head, source = best = max(heads, key=lambda one: _seed_score(query, one[0]))
        yield head
        following = next(source, None)
        place = heads.index(best)
        heads[place : place + 1] = [] if following is None else [(following, source)]


def _seed_score(query: Query, candidate: Candidate) -> float:
    return float(candidate.seed_vector.astype(np.float32) @ query.vector)
