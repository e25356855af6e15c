"""Search, region first: the things, or the stored regions, of all scenes that answer a query vector best.

No vectors of points are read: what there is to say of a hit's points, point_search.py reads when somebody asks.
docs/search.md explains scores to users.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ...core import plugins
from ...core.cancelling import step
from ...core.errors import BadInput, NotFound
from ...core.features import Hit, Query, RegionView
from ..postgres.database import Database
from . import described, filters, index_choice, region_vectors, space_state
from .hits import load_hits
from .indexes import Index
from .probability import HERE, probabilities
from .region_vectors import Found, RegionVectors
from .scoring import exact_scores
from .space_state import SpaceState
from .things import loading
from .things.ranking import Ranked
from .things.search import Propose, is_likely, likely_things, thing_hits


@dataclass(frozen=True)
class FoundHits:
    """What answers a query, best first, and sentences on how far to trust it."""

    hits: tuple[Hit, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class FoundThings:
    """Things of which nothing was looked up yet, best fit first, and sentences on how far to trust them."""

    things: tuple[Ranked, ...]
    notes: tuple[str, ...] = ()


def search(store: Database, query: Query, index: str | None = None) -> list[Hit]:
    """The hits of `find`."""
    return list(find(store, query, index).hits)


def find(store: Database, query: Query, index: str | None = None) -> FoundHits:
    """Things, best fit first; stored regions for an `ungrouped` query, highest score first, ties to the lowest id.

    `index` names one; without, and unless the query is `exact`, it is chosen by the number of regions.
    """
    state, notes = _checked(store, query)
    if not query.ungrouped:
        hits, said = thing_hits(store, query, state, _proposer(store, query, state, index))
        return FoundHits(tuple(hits), (*said, *notes))
    with _holding(store, query, state) as table:
        _require_some(table, query)
        return FoundHits(tuple(_hits(store, query, table, _finder(store, query, state, table, index))), notes)


def find_things(store: Database, query: Query, index: str | None = None) -> FoundThings:
    """All things that probably are what the query means, and others that come nearest: `top` candidates or more.

    `min_probability` counts as not given.
    """
    state, notes = _checked(store, query)
    things, said = likely_things(store, query, state, _proposer(store, query, state, index))
    return FoundThings(tuple(things), (*said, *notes))


def load_things(
    store: Database, things: Sequence[Ranked], shown: Mapping[Ranked, Sequence[RegionView]] = {}
) -> dict[Ranked, Hit]:
    """Their hits, but for those that were replaced a moment ago; `shown` has the frames that are to show them."""
    with store.autocommit() as connection:
        return dict(loading.load_things(connection, store.path, things, shown))


def _checked(store: Database, query: Query) -> tuple[SpaceState, tuple[str, ...]]:
    """What the store holds of the query's space, and a note on it; BadInput and NotFound where nothing can answer."""
    if query.vector.shape != (query.space.dim,) or not np.isfinite(query.vector).all():
        raise BadInput(
            f"A query vector of shape {query.vector.shape} was given; {query.space.dim} finite numbers were expected."
        )
    step()
    with store.autocommit() as connection:
        state = space_state.of_space(connection, query.space)
    note = described.note(store, query)
    if not query.ungrouped:
        with region_vectors.holding(store, state, "superpoint") as table:
            _require_some(table, query)
    return state, () if note is None else (note,)


def _require_some(table: RegionVectors, query: Query) -> None:
    if len(table) == 0:
        raise NotFound(f"The store has no regions of {query.space.name!r} yet: see ovstore ingest --help")


def probably_here(hits: Sequence[Hit]) -> bool | None:
    """Whether a hit is more likely what was asked for than anything everyday; None when nothing says so."""
    chances = [hit.probability for hit in hits if hit.probability is not None]
    return max(chances) >= HERE if chances else None


def _holding(store: Database, query: Query, state: SpaceState) -> AbstractContextManager[RegionVectors]:
    """The vectors that the query is compared with; NotFound where no feature set that it asks has those."""
    if query.vectors == "fused":
        return region_vectors.holding(store, state, query.level)
    return described.holding(store, state, query.vectors)


def _hits(store: Database, query: Query, table: RegionVectors, find: Callable[[int], Found]) -> list[Hit]:
    """What is found, but for regions of a single point: they are noise, and have no extent to show."""
    count, looked_at = query.top, 0
    while True:
        ids, scores = find(count)
        step()
        chances = probabilities(table.vectors[table.rows_of(ids)], query)
        likely = [place for place, chance in enumerate(chances) if is_likely(query, chance)]
        with store.autocommit() as connection:
            found = load_hits(connection, store.path, ids[likely], scores[likely], [chances[place] for place in likely])
        hits = [hit for hit in found if hit.point_count > 1][: query.top]
        exhausted = len(ids) < count or len(hits) == len(found) == len(ids)
        if len(hits) == query.top or exhausted or (likely[-1] if likely else -1) < looked_at:
            return hits
        looked_at, count = count, count * 4


def _proposer(store: Database, query: Query, state: SpaceState, index: str | None) -> Propose:
    """How to find the regions of a level, out of the only ids that may be proposed, that answer best."""

    def propose(level: str, table: RegionVectors, count: int, only: NDArray[np.int64] | None) -> Found:
        name = index or ("exact" if query.exact else index_choice.default(store, state.space_id, level, len(table)))
        return _plugin(name).search(store, state.space_id, level, query.vector, count, only)

    return propose


def _finder(
    store: Database, query: Query, state: SpaceState, table: RegionVectors, index: str | None
) -> Callable[[int], Found]:
    """How to find the ids and scores of so many regions that pass the filters and answer best."""
    allowed = filters.allowed(store, query, state.space_id, table)
    described_too = query.vectors != "fused"  # no index is built over vectors from crops
    level = query.vectors if described_too else query.level
    propose = _proposer(store, query, state, "exact" if described_too and index is None else index)

    def find(count: int) -> Found:
        return propose(level, table, count, allowed)

    return find if query.excluded is None else lambda count: _find_others(find, table, query, count)


@cache
def _plugin(name: str) -> Index:
    """Finding a plug-in lists folders and installed packages, which takes longer than the search itself."""
    index: Index = plugins.load("store.search.indexes", name, noun="index")
    return index


def _find_others(find: Callable[[int], Found], table: RegionVectors, query: Query, wanted: int) -> Found:
    """The best of those regions that are no closer to an excluded vector than to the query."""
    assert query.excluded is not None
    count = wanted
    while True:
        ids, scores = find(count)
        vectors = table.vectors[table.rows_of(ids)]
        closest = np.max([exact_scores(vectors, vector) for vector in query.excluded], axis=0)
        kept = np.flatnonzero(scores >= closest)[:wanted]
        if len(kept) == wanted or len(ids) < count:
            return ids[kept], scores[kept]
        count *= 4
