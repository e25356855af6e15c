"""All regions of one scene against several queries at once: what recolours a scene while somebody types."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text

from ...core.by_value import ByValue
from ...core.errors import BadInput, NotFound
from ...core.features import Level, Query
from ..postgres.database import Database
from . import described, filters, region_vectors, space_state
from .probability import probabilities
from .region_file import FeatureSetKey
from .scoring import cosines, unit
from .space_state import SpaceState

_MOST = 256  # feature sets whose ordinals a store keeps in memory

_SETS = text(
    "SELECT feature_sets.id, feature_sets.name AS features, datasets.name AS dataset FROM feature_sets "
    "JOIN scenes ON scenes.id = scene_id JOIN datasets ON datasets.id = dataset_id "
    "WHERE embedding_space_id = :space AND state = 'ready' AND :scene IN (scenes.name, datasets.name || '/' || "
    "scenes.name) AND (CAST(:features AS text) IS NULL OR feature_sets.name = :features) ORDER BY feature_sets.id"
)
_ORDINALS = text("SELECT id, ordinal FROM regions WHERE feature_set_id = :id AND level = :level ORDER BY id")

_Ordinals = tuple[NDArray[np.int64], NDArray[np.int32]]  # ids, ascending, and the ordinals that they stand for

_kept: WeakKeyDictionary[Database, OrderedDict[tuple[FeatureSetKey, str], _Ordinals]] = WeakKeyDictionary()
_lock = threading.Lock()


@dataclass(frozen=True, eq=False)
class SceneScores(ByValue):
    """How well the regions of one feature set and level answer, a row per query; regions by ascending ordinal."""

    feature_set: int
    level: Level
    ordinals: NDArray[np.int32]  # (R,) ascending
    regions: NDArray[np.int64]  # (R,) their database ids
    scores: NDArray[np.float32]  # (Q, R) cosines, those of a search to the last bit
    probabilities: NDArray[np.float32] | None  # (Q, R) nan for queries without a background; None: no query has one
    left_out: NDArray[np.bool_]  # (Q, R) closer to an excluded vector than to the query: a search leaves it out


def scene_scores(
    store: Database, queries: Sequence[Query], scene: str, *, feature_set: str | None = None, level: Level = "object"
) -> SceneScores:
    """The numbers that an ungrouped search would give to every region of the scene, those of single points included.

    `scene` is "scene" or "dataset/scene"; of several feature sets of the queries' space, `feature_set` names one.
    Filters of the queries do not count.
    """
    if not queries:
        raise BadInput("At least one query is needed to score a scene.")
    space, vectors = queries[0].space, queries[0].vectors
    for query in queries:
        space.require_same(query.space)
        if query.vector.shape != (space.dim,) or not np.isfinite(query.vector).all():
            raise BadInput(
                f"A query vector has the shape {query.vector.shape}, where {space.dim} numbers were expected."
            )
        if query.vectors != vectors:
            raise BadInput(f"The queries ask for vectors {vectors!r} and {query.vectors!r}: ask one kind at a time.")
    if vectors != "fused" and level != "object":
        raise BadInput(f"Only objects have vectors from crops: ask for vectors {vectors!r} of level 'object'.")
    with store.autocommit() as connection:
        state = space_state.of_space(connection, space)
    own_scene = replace(queries[0], datasets=(), scenes=(scene,), feature_set=feature_set)
    number = _feature_set(store, own_scene, state)
    described.note(store, own_scene)  # says where none of its objects was described
    holding = region_vectors.holding(store, state, level)
    with holding if vectors == "fused" else described.holding(store, state, vectors) as table:
        rows = table.rows_of_sets([number])
        ids, held = table.ids[rows], table.vectors[rows]
    known, ordinals = _ordinals(store, state, number, level)
    own = ordinals[np.searchsorted(known, ids)]
    order = np.argsort(own)
    return _scored(queries, number, level, own[order], ids[order], held[order])


def _scored(
    queries: Sequence[Query],
    number: int,
    level: Level,
    ordinals: NDArray[np.int32],
    ids: NDArray[np.int64],
    held: NDArray[np.float16],
) -> SceneScores:
    wide = unit(held)
    scores = np.stack([cosines(wide, query.vector) for query in queries])
    left_out = np.zeros(scores.shape, bool)
    chances = np.full(scores.shape, np.nan, np.float32)
    for row, query in enumerate(queries):
        if query.excluded is not None:
            left_out[row] = scores[row] < np.max([cosines(wide, vector) for vector in query.excluded], axis=0)
        likely = probabilities(held, query, wide=wide)
        chances[row] = [np.nan if chance is None else chance for chance in likely]
    known = None if np.isnan(chances).all() else chances
    return SceneScores(number, level, ordinals, ids, scores, known, left_out)


def _feature_set(store: Database, query: Query, state: SpaceState) -> int:
    """The one feature set that is asked; NotFound where there is none, or several."""
    [scene] = query.scenes
    values = {"space": state.space_id, "scene": scene, "features": query.feature_set}
    with store.autocommit() as connection:
        found = connection.execute(_SETS, values).all()
    if not found:
        filters.chosen_sets(store, query, state.space_id)  # says what there is
        raise NotFound(f"The scene {scene!r} has no features named {query.feature_set!r}: see ovstore features")
    if len({row.dataset for row in found}) > 1:
        names = " or ".join(sorted(f"{row.dataset}/{scene}" for row in found))
        raise NotFound(f"Several scenes are named {scene!r}: choose {names}.", near=names.split(" or "))
    if len(found) > 1:
        names = ", ".join(sorted(row.features for row in found))
        raise NotFound(
            f"{scene} has {len(found)} feature sets of {query.space.name!r}: choose one of {names}.",
            near=names.split(", "),
        )
    return int(found[0].id)


def _ordinals(store: Database, state: SpaceState, number: int, level: str) -> _Ordinals:
    """What the ids of a feature set's regions stand for; a feature set never changes."""
    key = (next(ready for ready in state.ready if ready[0] == number), level)
    with _lock:
        kept = _kept.setdefault(store, OrderedDict())
        if key in kept:
            kept.move_to_end(key)
            return kept[key]
    with store.autocommit() as connection:
        rows = connection.execute(_ORDINALS, {"id": number, "level": level}).all()
    found = np.array([row[0] for row in rows], np.int64), np.array([row[1] for row in rows], np.int32)
    with _lock:
        kept[key] = found
        if len(kept) > _MOST:
            kept.popitem(last=False)
    return found
