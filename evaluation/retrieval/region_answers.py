"""How well regions answer questions: every region of the store is scored, by the code that a search scores with."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.errors import NotFound
from ...core.features import Hit, Level, Query
from ...store.search import described, region_vectors, space_state
from ...store.search.point_search import region_points
from ...store.search.region_vectors import RegionVectors
from ...store.search.scoring import exact_scores
from ...store.search.search import search
from ...store.search.space_state import SpaceState
from ..labels.label_set import LabelSet
from .collection import Collection
from .questions import RetrievalQuestion
from .ranking import NAN, average_precision, claimed
from .things import Fits, Things, scene_things

IOUS = (0.25, 0.5)


@dataclass(frozen=True)
class RegionAnswer:
    """The regions of one level against one question; all but the scores is nan where no scene holds what is asked."""

    scenes: NDArray[np.float32]  # (S,) cosine of each scene's best region, -inf for a scene without regions
    probability: float | None  # the best of the first hits' own, as a search takes it
    ap: tuple[float, ...] = (NAN,) * len(IOUS)
    hit_iou: float = NAN  # of the first hit and the thing it fits best
    mask_iou: float = NAN  # of those of its points that a search shows
    best_iou: float = NAN  # of the region that fits a thing best, whatever it scores: no ranking can do better


def answers(
    collection: Collection,
    level: Level,
    label_set: LabelSet,
    things: Things,
    questions: Sequence[RetrievalQuestion],
    step: Callable[[], None] = lambda: None,
) -> list[RegionAnswer]:
    """One a question, in their order."""
    with collection.store.autocommit() as connection:
        state = space_state.of_space(connection, collection.space)
    with _table(collection, state, level) as table:
        if any(found.id not in table.spans for found in collection.sets):
            raise NotFound("A feature set was replaced during the evaluation. Run it again.")
        spans = [table.spans[found.id] for found in collection.sets]
        found = []
        for question in questions:
            found.append(_answer(collection, level, label_set, things, table, spans, question))
            step()
    return found


def _table(collection: Collection, state: SpaceState, level: Level) -> AbstractContextManager[RegionVectors]:
    """The vectors that a search of the level compares with."""
    if level == "object":
        return described.holding(collection.store, state, collection.vectors)
    return region_vectors.holding(collection.store, state, level)


def _answer(
    collection: Collection,
    level: Level,
    label_set: LabelSet,
    things: Things,
    table: RegionVectors,
    spans: Sequence[tuple[int, int]],
    question: RetrievalQuestion,
) -> RegionAnswer:
    scores = [exact_scores(table.vectors[start:stop], question.vector) for start, stop in spans]
    best = np.array([own.max(initial=-np.inf) for own in scores], np.float32)
    query = _query(collection, level, question)
    hits = search(collection.store, query)
    probability = max((hit.probability for hit in hits if hit.probability is not None), default=None)
    if question.label is None:
        return RegionAnswer(best, probability)
    rows = things.rows(question.label)
    fits = things.fits[level].of(rows)
    hit_iou = float(fits.iou[fits.region == hits[0].region].max(initial=0)) if hits else 0.0
    return RegionAnswer(
        best,
        probability,
        _average_precisions(
            np.concatenate(scores), np.concatenate([table.ids[start:stop] for start, stop in spans]), fits, len(rows)
        ),
        hit_iou,
        _mask_iou(collection, label_set, question.label, hits[0], query) if hit_iou else 0.0,
        float(fits.iou.max(initial=0)),
    )


def _query(collection: Collection, level: Level, question: RetrievalQuestion) -> Query:
    """What `ovstore search` asks."""
    return Query(
        vector=question.vector,
        space=collection.space,
        level=level,
        scenes=collection.only,
        background=question.background,
        rivals=question.rivals,
        feature_set=collection.name,
        exact=True,
        ungrouped=True,
        vectors=collection.vectors if level == "object" else "fused",
    )


def _average_precisions(
    scores: NDArray[np.float32], ids: NDArray[np.int64], fits: Fits, things: int
) -> tuple[float, ...]:
    """At each of IOUS, of (R,) regions and so many things."""
    by_id = np.argsort(ids)
    place = np.minimum(np.searchsorted(ids, fits.region, sorter=by_id), len(ids) - 1)
    row = by_id[place]
    found = []
    for least in IOUS:
        near = (fits.iou >= least) & (ids[row] == fits.region)
        found.append(average_precision(scores, claimed(scores, row[near], fits.thing[near], fits.iou[near]), things))
    return tuple(found)


def _mask_iou(collection: Collection, label_set: LabelSet, label: int, hit: Hit, query: Query) -> float:
    """Of the points that a search shows of the hit, and the thing of the label that they fit best."""
    [scene] = [scene for scene in collection.scenes if scene.full_name == f"{hit.dataset}/{hit.scene}"]
    things, _ = scene_things(collection.store, scene, label_set, np.arange(len(label_set.classes)) == label)
    [points] = region_points(collection.store, [hit.region], query)
    mask = points.point_index[points.answers]
    inside = things.of_point[mask]
    shared = np.bincount(inside[inside >= 0], minlength=len(things.index))
    return float((shared / (things.size + len(mask) - shared)).max())
