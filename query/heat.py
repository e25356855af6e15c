"""How well every point of a scene answers a question."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.features import Answer, EmbeddingSpace
from ..core.once import Once
from ..core.scene import PointCloud
from ..store.catalog import catalog, loading
from ..store.catalog.catalog import SceneInfo
from ..store.files.stored_points import Order
from ..store.postgres.database import Database
from ..store.search.scoring import quick_scores
from .question import Question, target_of


@dataclass(frozen=True)
class PointScores:
    """Scores of one scene's points for one question, in stored order."""

    score: NDArray[np.float32]  # (N,) cosine to 5e-7; nan for points that no frame saw
    low: float  # the score drawn darkest: the scene's median
    high: float  # the score drawn brightest: its best, but for one point in a thousand


@dataclass(frozen=True)
class HeatMap:
    """Scores of one scene's points for one question."""

    question: str
    points: PointCloud
    up_axis: str
    score: NDArray[np.float32]  # (N,) cosine to 5e-7; nan for points that no frame saw
    low: float  # the score drawn darkest: the scene's median
    high: float  # the score drawn brightest: its best, but for one point in a thousand

    @property
    def value(self) -> NDArray[np.float32]:
        """(N,) 0 to 1; unseen points are 0."""
        scaled = (self.score - self.low) / max(self.high - self.low, 1e-6)
        return np.nan_to_num(np.clip(scaled, 0, 1)).astype(np.float32)


def things_of_points(answer: Answer, scene: str, point_count: int) -> NDArray[np.int32]:
    """(N,) for a scene's points in stored order: the number of the hit, from 1, whose mask holds the point; 0: none."""
    number = np.zeros(point_count, np.int32)
    for rank, hit in reversed(list(enumerate(answer, start=1))):
        if f"{hit.dataset}/{hit.scene}" == scene:
            number[hit.stored_mask] = rank
    return number


def heat_map(
    store: Database, scene: str, question: Question, features: str | None = None, order: Order = "stored"
) -> HeatMap:
    """Every point of the scene against the question; points and scores come in `order`."""
    drawn = catalog.find_scene(store, scene)
    heat = point_scores(store, drawn, question, features)
    held = catalog.load_points(store, drawn.id)
    points, score = (held.points, heat.score) if order == "stored" else (held.in_scan_order(), held.to_scan(heat.score))
    return HeatMap(str(question), points, drawn.up_axis, score, heat.low, heat.high)


def point_scores(store: Database, scene: SceneInfo, question: Question, features: str | None = None) -> PointScores:
    """Every point of the scene against the question, without its points: for those who have drawn them already."""
    target = target_of(store, features)
    vector = question.vector(store, target)

    def scored(found: tuple[Path, EmbeddingSpace]) -> NDArray[np.float32]:
        target.space.require_same(found[1])
        score = np.full(scene.point_count, np.nan, np.float32)
        small = 2 * scene.point_count * target.space.dim <= _SMALL
        for point_index, vectors in [_kept(found)] if small else loading.feature_blocks(found):
            score[point_index] = quick_scores(vectors, vector)
        return score

    look_up = partial(loading.features_file, store, scene.id, target.features)
    score = loading.read_what_is_named(look_up, scored)
    low, high = np.percentile(score[~np.isnan(score)], [50, 99.9])
    return PointScores(score, float(low), float(high))


def _read(found: tuple[Path, EmbeddingSpace]) -> tuple[NDArray[np.int32], NDArray[np.float16]]:
    points, vectors = zip(*loading.feature_blocks(found), strict=True)
    return np.concatenate(points), np.concatenate(vectors)


_SMALL = 64 << 20  # bytes of a scene's vectors that are kept: unpacking them takes 4 times as long as scoring
_kept = Once(_read, 2)  # a file is never written again under its name
