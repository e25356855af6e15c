"""Columns for a scene's points: how well each answers words, and which of them are the answer."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..store.catalog.catalog import SceneInfo
from ..store.postgres.database import Database
from ..store.search.point_search import region_points
from ..store.search.search import HERE
from .heat import heat_map
from .question import Question
from .search import search

_HITS = 100  # objects of one scene that may be the answer


@dataclass(frozen=True)
class ScoredPoints:
    """In the store's order of points."""

    score: NDArray[np.float32]  # (N,) cosine; nan for points that no frame saw
    mask: NDArray[np.bool_]  # (N,) points of the objects that fit the words better than everyday things do


def scored_points(store: Database, scene: SceneInfo, words: str, features: str | None = None) -> ScoredPoints:
    """Every point of the scene against the words.

    The mask holds the points of hits with a probability of one half or more that answer as those of the best hit do
    (see `region_points`); where an encoder has nothing to weigh words against, those of the best hit.
    """
    score = heat_map(store, scene.full_name, Question(words), features).score
    answer = search(store, words, features=features, scenes=scene.full_name, top=_HITS)
    fitting = [hit for hit in answer if hit.probability is not None and hit.probability >= HERE]
    if answer.probably_here is None:
        fitting = list(answer[:1])
    mask = np.zeros(len(score), bool)
    assert answer.query is not None
    found = region_points(store, [hit.region for hit in fitting], answer.query)
    for points in found:
        least = found[0].score[found[0].answers].min()
        mask[points.point_index[points.score >= least]] = True
    return ScoredPoints(score, mask)
