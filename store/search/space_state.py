"""Which feature sets of an embedding space are ready, as of one moment."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, text

from ...core.errors import NotFound, SpaceMismatch
from ...core.features import EmbeddingSpace
from .region_file import FeatureSetKey

_STATE = """
    SELECT space.id, space.dim, array_agg(ready.id ORDER BY ready.id) FILTER (WHERE ready.id IS NOT NULL) AS ids,
           array_agg((extract(epoch FROM ready.created_at) * 1000000)::bigint ORDER BY ready.id) AS births
    FROM embedding_spaces space LEFT JOIN feature_sets ready
    ON ready.embedding_space_id = space.id AND ready.state = 'ready' WHERE {} GROUP BY space.id
"""
_CROPS = text(
    "SELECT feature_set_id, (extract(epoch FROM created_at) * 1000000)::bigint FROM crop_sets "
    "WHERE feature_set_id = ANY(:ids)"
)
_BY_ID = text(_STATE.format("space.id = :id"))
_BY_NAME = text(_STATE.format("space.name = :name AND space.dim = :dim AND space.digest = :digest"))


@dataclass(frozen=True)
class SpaceState:
    """A space and its ready feature sets, ascending."""

    space_id: int
    dim: int
    ready: tuple[FeatureSetKey, ...]


def by_id(connection: Connection, space_id: int) -> SpaceState:
    """Without feature sets where there is no such space."""
    row = connection.execute(_BY_ID, {"id": space_id}).one_or_none()
    return SpaceState(space_id, 0, ()) if row is None else _state(row)


def of_space(connection: Connection, space: EmbeddingSpace) -> SpaceState:
    """NotFound in an empty store, SpaceMismatch where the vectors are of other spaces."""
    row = connection.execute(_BY_NAME, space.key).one_or_none()
    if row is not None:
        return _state(row)
    names: Sequence[str] = connection.execute(text("SELECT DISTINCT name FROM embedding_spaces")).scalars().all()
    if not names:
        raise NotFound("The store is empty: ingest scans first, see ovstore ingest --help")
    other = " with other weights" if space.name in names else ""
    known = ", ".join(repr(name) for name in sorted(names))
    raise SpaceMismatch(f"The query is in {space.name!r}, but the store's vectors are in {known}{other}.")


def described(connection: Connection, state: SpaceState, vectors: str) -> SpaceState:
    """The feature sets whose objects have vectors from crops ("crops"), or all of them ("both").

    A feature set that was described counts from then on as another one.
    """
    born = {row[0]: row[1] for row in connection.execute(_CROPS, {"ids": [key[0] for key in state.ready]})}
    keys = [(id, born.get(id, birth)) for id, birth in state.ready if vectors == "both" or id in born]
    return replace(state, ready=tuple(keys))


def _state(row: Row[Any]) -> SpaceState:
    return SpaceState(row.id, row.dim, tuple(zip(row.ids, row.births, strict=True)) if row.ids else ())
