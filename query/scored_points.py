"""Columns for a scene's points: how well each answers words, and which of them are the answer."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..store.catalog.catalog import SceneInfo
from ..store.postgres.database import Database
from ..store.search.probability import HERE
from .heat import heat_map
from .question import Question
from .search import search

_HITS = 100  # things of one scene that may be the answer


@dataclass(frozen=True)
class ScoredPoints:
    """In the store's order of points."""

    score: NDArray[np.float32]  # (N,) cosine; nan for points that no frame saw
    mask: NDArray[np.bool_]  # (N,) points of the things that fit the words better than everyday things do


def scored_points(store: Database, scene: SceneInfo, words: str, features: str | None = None) -> ScoredPoints:
    """Every point of the scene against the words.

    The mask is that of all hits, and parts of hits, with a probability of one half or more; where an encoder has
    nothing to weigh words against, that of the best hit. It holds whole superpoints, as every hit does.
    """
    score = heat_map(store, scene.full_name, Question(words), features).score
    answer = search(store, words, features=features, scenes=scene.full_name, top=_HITS)
    every = [one for hit in answer for one in (hit, *hit.parts)]
    fitting = [one for one in every if one.probability is not None and one.probability >= HERE]
    if answer.probably_here is None:
        fitting = list(answer[:1])
    mask = np.zeros(len(score), bool)
    for one in fitting:
        mask[one.stored_mask] = True
    return ScoredPoints(score, mask)
