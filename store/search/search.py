"""Search, region first: the best regions of all scenes for a query vector, and what there is to show for each.

Points are read only for regions that come back, by point_search.py. docs/search.md explains scores to users.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import cache

import numpy as np

from ...core import plugins
from ...core.errors import BadInput, NotFound
from ...core.features import Hit, Query
from ..postgres.database import Database
from . import described, filters, index_choice, region_vectors, space_state
from .hits import load_hits
from .indexes import Index
from .probability import probabilities
from .region_vectors import Found, RegionVectors
from .scoring import exact_scores
from .space_state import SpaceState

HERE = 0.5  # the least probability of something that is there


def search(store: Database, query: Query, index: str | None = None) -> list[Hit]:
    """The hits, highest score first, ties to the lowest region id.

    `index` names one; without, and unless the query is `exact`, it is chosen by the number of regions.
    """
    if query.vector.shape != (query.space.dim,) or not np.isfinite(query.vector).all():
        raise BadInput(
            f"A query vector of shape {query.vector.shape} was given; {query.space.dim} finite numbers were expected."
        )
    with store.autocommit() as connection:
        state = space_state.of_space(connection, query.space)
    with _holding(store, query, state) as table:
        if len(table) == 0:
            raise NotFound(f"The store has no regions of {query.space.name!r} yet: see ovstore ingest --help")
        return _hits(store, query, table, _finder(store, query, state.space_id, table, index))


def probably_here(hits: Sequence[Hit]) -> bool | None:
    """Whether a hit is more likely what was asked for than anything everyday; None when nothing says so."""
    chances = [hit.probability for hit in hits if hit.probability is not None]
    return max(chances) >= HERE if chances else None


def _holding(store: Database, query: Query, state: SpaceState) -> AbstractContextManager[RegionVectors]:
    """The vectors that the query is compared with; NotFound where no feature set that it asks has those."""
    if query.vectors == "fused":
        return region_vectors.holding(store, state, query.level)
    described.note(store, query)
    return described.holding(store, state, query.vectors)


def _hits(store: Database, query: Query, table: RegionVectors, find: Callable[[int], Found]) -> list[Hit]:
    """What is found, but for regions of a single point: they are noise, and have no extent to show."""
    count = query.top
    while True:
        ids, scores = find(count)
        chances = probabilities(table.vectors[table.rows_of(ids)], query)
        with store.autocommit() as connection:
            found = load_hits(connection, store.path, ids, scores, chances)
        hits = [hit for hit in found if hit.point_count > 1][: query.top]
        if len(hits) == query.top or len(ids) < count or len(hits) == len(found):
            return hits
        count *= 4


def _finder(
    store: Database, query: Query, space_id: int, table: RegionVectors, index: str | None
) -> Callable[[int], Found]:
    """How to find the ids and scores of so many regions that pass the filters and answer best."""
    allowed = filters.allowed(store, query, space_id, table)
    described_too = query.vectors != "fused"  # no index is built over vectors from crops
    level = query.vectors if described_too else query.level
    exact = query.exact or described_too
    name = index or ("exact" if exact else index_choice.default(store, space_id, level, len(table)))
    plugin = _plugin(name)

    def find(count: int) -> Found:
        return plugin.search(store, space_id, level, query.vector, count, allowed)

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
