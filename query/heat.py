"""How well every point of a scene answers a question."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core.features import Answer
from ..core.scene import PointCloud
from ..store.catalog import catalog
from ..store.files.stored_points import Order
from ..store.postgres.database import Database
from ..store.search.scoring import exact_scores
from .question import Question, target_of


@dataclass(frozen=True)
class HeatMap:
    """Scores of one scene's points for one question."""

    question: str
    points: PointCloud
    up_axis: str
    score: NDArray[np.float32]  # (N,) cosine; nan for points that no frame saw
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
    target = target_of(store, features)
    vector = question.vector(store, target)
    drawn = catalog.find_scene(store, scene)
    held = catalog.load_points(store, drawn.id)
    found = catalog.load_features(store, drawn.id, target.features)
    target.space.require_same(found.space)
    score = np.full(len(held), np.nan, np.float32)
    score[found.point_index] = exact_scores(found.vectors, vector)
    low, high = np.nanpercentile(score, [50, 99.9])
    points, score = (held.points, score) if order == "stored" else (held.in_scan_order(), held.to_scan(score))
    return HeatMap(str(question), points, drawn.up_axis, score, float(low), float(high))
