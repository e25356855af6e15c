"""Search, region first: the best regions of all scenes for a query vector, and what there is to show for each.

Points are read only for regions that come back, by point_search.py. docs/search.md explains scores to users.
"""

from collections.abc import Callable, Sequence

import numpy as np
from sqlalchemy import text

from . import filters, index_choice, plugins, region_vectors
from .database import Store
from .errors import BadInput, NotFound, SpaceMismatch
from .features import Hit, Query
from .hits import load_hits
from .probability import probabilities
from .region_vectors import Found, RegionVectors
from .scoring import exact_scores

HERE = 0.5  # the least probability of something that is there


def search(store: Store, query: Query, index: str | None = None) -> list[Hit]:
    """The hits, highest score first, ties to the lowest region id.

    `index` names one; without, and unless the query is `exact`, it is chosen by the number of regions.
    """
    if query.vector.shape != (query.space.dim,) or not np.isfinite(query.vector).all():
        raise BadInput(f"A query vector of shape {query.vector.shape} is not {query.space.dim} finite numbers.")
    space_id = _space_id(store, query)
    table = region_vectors.current(store, space_id, query.level)
    if len(table) == 0:
        raise NotFound(f"The store holds no regions of {query.space.name!r}: take scans in, see ovstore ingest --help")
    allowed = filters.allowed(store, query, space_id, table)
    name = index or ("exact" if query.exact else index_choice.default(store, space_id, query.level, len(table)))
    plugin = plugins.load("store.indexes", name, noun="index")

    def find(count: int) -> Found:
        return plugin.search(store, space_id, query.level, query.vector, count, allowed)

    ids, scores = find(query.top) if query.excluded is None else _find_others(find, table, query)
    return load_hits(store, ids, scores, probabilities(table.vectors[table.rows_of(ids)], query))


def probably_here(hits: Sequence[Hit]) -> bool | None:
    """Whether a hit is more likely what was asked for than anything everyday; None when nothing says so."""
    chances = [hit.probability for hit in hits if hit.probability is not None]
    return max(chances) >= HERE if chances else None


def _find_others(find: Callable[[int], Found], table: RegionVectors, query: Query) -> Found:
    """The best of those regions that are no closer to an excluded vector than to the query."""
    assert query.excluded is not None
    count = query.top
    while True:
        ids, scores = find(count)
        vectors = table.vectors[table.rows_of(ids)]
        closest = np.max([exact_scores(vectors, vector) for vector in query.excluded], axis=0)
        kept = np.flatnonzero(scores >= closest)[: query.top]
        if len(kept) == query.top or len(ids) < count:
            return ids[kept], scores[kept]
        count *= 4


def _space_id(store: Store, query: Query) -> int:
    with store.connect() as connection:
        spaces = connection.execute(text("SELECT id, name, dim, digest FROM embedding_spaces ORDER BY id")).all()
    for space in spaces:
        if (space.name, space.dim, space.digest) == (query.space.name, query.space.dim, query.space.digest):
            return int(space.id)
    if not spaces:
        raise NotFound("The store is empty: take scans in first, see ovstore ingest --help")
    known = ", ".join(sorted({repr(space.name) for space in spaces}))
    other = " by other weights" if any(space.name == query.space.name for space in spaces) else ""
    raise SpaceMismatch(f"The query is of {query.space.name!r}, the store's vectors are of {known}{other}.")
