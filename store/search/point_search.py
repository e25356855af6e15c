"""The points of a hit: exact scores, which of them answer, and the box of those. Only that region's rows are read."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text

from ...core.errors import NotFound
from ...core.features import Query
from ..files import parquet
from ..postgres.database import Database
from .scoring import exact_scores

_ROWS = text(
    """
    SELECT regions.id, row_start, row_stop, features_file, points_file, mean.embedding::real[] AS mean
    FROM regions JOIN feature_sets ON feature_sets.id = feature_set_id JOIN scenes ON scenes.id = regions.scene_id
    LEFT JOIN scene_vectors mean ON mean.feature_set_id = regions.feature_set_id AND kind = 'mean'
    WHERE regions.id = ANY(:ids)
    """
)


@dataclass(frozen=True)
class RegionPoints:
    """The seen points of one region against a query."""

    region: int  # database id
    point_index: NDArray[np.int32]  # (K,) ascending rows of the scene's cloud
    score: NDArray[np.float32]  # (K,) cosine
    answers: NDArray[np.bool_]  # (K,) the mask: at least one point
    box_min: NDArray[np.float64]  # (3,) metres, of the points that answer
    box_max: NDArray[np.float64]  # (3,)


def region_points(store: Database, region_ids: Sequence[int], query: Query) -> list[RegionPoints]:
    """In the order asked for; NotFound for a region that is gone.

    A point answers when its score lies in the upper half between the score of the scene as a whole and that of the
    region's best point: what was swept into the region with the thing (the table below the cup) falls below.
    """
    with store.connect() as connection:
        rows = {row.id: row for row in connection.execute(_ROWS, {"ids": [int(region) for region in region_ids]})}
    if gone := [region for region in region_ids if region not in rows]:
        raise NotFound(f"Region {gone[0]} is not in the store: it was replaced or forgotten. Search again.")
    clouds: dict[str, NDArray[np.float64]] = {}
    found = []
    for region in region_ids:
        row = rows[region]
        if row.points_file not in clouds:
            clouds[row.points_file] = parquet.read_xyz(store.file(row.points_file))
        points, vectors = parquet.read_feature_rows(store.file(row.features_file), row.row_start, row.row_stop)
        order = np.argsort(points)
        points, score = points[order], exact_scores(vectors[order], query.vector)
        low = _scene_score(row.mean, query, float(score.min()))
        answers = score >= min((low + float(score.max())) / 2, float(score.max()))
        xyz = clouds[row.points_file][points[answers]]
        found.append(RegionPoints(region, points, score, answers, xyz.min(axis=0), xyz.max(axis=0)))
    return found


def _scene_score(mean: list[float] | None, query: Query, otherwise: float) -> float:
    """The score of the scene as a whole."""
    if mean is None:
        return otherwise
    return float(exact_scores(np.asarray(mean, np.float16)[None], query.vector)[0])
