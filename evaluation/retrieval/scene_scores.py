"""How well a whole scene answers questions, by what may stand for it: its vectors, or all of its points."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...store.catalog import catalog, regions
from ...store.catalog.catalog import FeatureSetInfo
from ...store.postgres.database import Database
from ...store.search.scoring import exact_scores, unit
from ..points.decide import Blocks

BEST_POINTS = 10  # enough to outvote one stray point, and fewer than the smallest things have
Method = Literal["scene mean", "prototypes", "superpoints", "objects", "best point", "best 10 points"]
METHODS: tuple[Method, ...] = ("scene mean", "prototypes", "superpoints", "objects", "best point", "best 10 points")


def by_scene_vectors(
    store: Database, features: FeatureSetInfo, questions: NDArray[np.float32]
) -> dict[Method, NDArray[np.float32]]:
    """(Q,) cosines of the scene's mean, and of its best prototype, with (Q, dim) questions."""
    vectors = regions.load_scene_vectors(store, features.id, features.space)
    mean, prototypes = vectors.mean[None], vectors.prototypes
    return {
        "scene mean": np.array([exact_scores(mean, question)[0] for question in questions], np.float32),
        "prototypes": np.array(
            [exact_scores(prototypes, question).max(initial=-np.inf) for question in questions], np.float32
        ),
    }


def by_points(
    store: Database, features: FeatureSetInfo, questions: NDArray[np.float32]
) -> dict[Method, NDArray[np.float32]]:
    """(Q,) cosines of the best point, and the mean of the best few, with (Q, dim) questions; -inf without a point."""
    best = best_scores(catalog.features_file(store, features).blocks(), questions)
    if not best.shape[1]:
        nothing = np.full(len(questions), -np.inf, np.float32)
        return {"best point": nothing, "best 10 points": nothing}
    return {"best point": best.max(axis=1), "best 10 points": best.mean(axis=1)}


def best_scores(blocks: Blocks, questions: NDArray[np.float32], count: int = BEST_POINTS) -> NDArray[np.float32]:
    """(Q, count) highest cosines of all points with each question, in no order; fewer where there are fewer points.

    All questions are one matrix product a block, in single precision.
    """
    directions = unit(questions).astype(np.float32)
    best = np.empty((len(questions), 0), np.float32)
    for _, vectors in blocks:
        wide = vectors.astype(np.float32)
        lengths = np.sqrt(np.einsum("nd,nd->n", wide, wide))
        scores = directions @ wide.T
        scores /= np.maximum(lengths, np.float32(1e-30))
        best = _largest(np.concatenate([best, _largest(scores, count)], axis=1), count)
    return best


def _largest(scores: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """The `count` largest of each row."""
    return scores if scores.shape[1] <= count else np.partition(scores, -count, axis=1)[:, -count:]
