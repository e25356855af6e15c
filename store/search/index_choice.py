"""Which index answers when none is named, and what keeps those that are built up to date."""

import logging
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from sqlalchemy import select, text

from ...core import plugins
from ...core.contracts import offers
from ...core.errors import NotFound, OvstoreError
from ...core.features import LEVELS, EmbeddingSpace, Level
from ..postgres.database import Database
from ..postgres.schema import feature_sets
from . import index_rows
from .indexes import FollowsPublishing

EXACT_ROWS = 300_000  # regions that a scan takes about 10 ms for; an index would save less than opening it costs

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class IndexTarget:
    """What an index is built over: the regions of a space and level."""

    space_id: int
    space: EmbeddingSpace
    level: Level
    row_count: int  # ready regions


def targets(store: Database, features: str | None = None, level: str | None = None) -> list[IndexTarget]:
    """Every space and level that has regions; those of feature sets called `features`, and of one level."""
    statement = text(
        """
        SELECT space.id, space.name, dim, digest, logit_scale, regions.level, count(*) AS row_count
        FROM regions JOIN feature_sets ON feature_sets.id = feature_set_id AND state = 'ready'
        JOIN embedding_spaces space ON space.id = regions.embedding_space_id
        GROUP BY space.id, regions.level
        HAVING (:features)::text IS NULL OR bool_or(feature_sets.name = :features) ORDER BY space.id, regions.level
        """
    )
    with store.connect() as connection:
        rows: list[Any] = list(connection.execute(statement, {"features": features}))
    return [
        IndexTarget(row.id, EmbeddingSpace(row.name, row.dim, row.digest, row.logit_scale), row.level, row.row_count)
        for row in rows
        if level in (None, row.level)
    ]


def required_targets(store: Database, features: str | None = None, level: str | None = None) -> list[IndexTarget]:
    """Those of `targets`; NotFound where there are none."""
    found = targets(store, features, level)
    if not found and features is not None and targets(store):
        raise NotFound(f"No features named {features!r}. See: ovstore features")
    if not found:
        raise NotFound("The store has no regions yet: ingest scans first, see ovstore ingest --help")
    return found


def default(store: Database, space_id: int, level: str, row_count: int) -> str:
    """exact while that is quick, faiss beyond where it is built."""
    if row_count <= EXACT_ROWS or find_spec("faiss") is None:
        return "exact"
    return "faiss" if index_rows.find(store, "faiss", space_id, level) else "exact"


def reason(row_count: int, name: str) -> str:
    """Why `name` is the choice for so many regions, for people."""
    if row_count <= EXACT_ROWS:
        return f"exact is fastest up to {EXACT_ROWS:,} regions"
    return f"over {EXACT_ROWS:,} regions" if name == "faiss" else "faster after: ovstore index build faiss"


def on_publish(store: Database, feature_set_id: int) -> None:
    """Bring the indexes of a new feature set's space up to date: cheap, and left out costs only time later."""
    with store.connect() as connection:
        query = select(feature_sets.c.embedding_space_id).where(feature_sets.c.id == feature_set_id)
        space_id = connection.execute(query).scalar_one_or_none()
    if space_id is None:  # replaced already
        return
    for level in LEVELS:
        for name in ("exact", *(row.name for row in index_rows.built(store, space_id, level))):
            try:
                index = offers(plugins.load("store.search.indexes", name), FollowsPublishing)
                if index is not None:
                    index.update(store, space_id, level)
            except OvstoreError as error:  # what was published stays published
                log.warning("Index %s of level %s was not updated: %s", name, level, error)
