"""Region ids become hits: what a region is, where it lies, and the pictures that show it."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, text

from .features import Evidence, Hit, OrientedBox

_ROWS = text(
    """
    SELECT regions.*, datasets.name AS dataset, scenes.name AS scene, (
        SELECT json_agg(json_build_array(frames.name, frames.image_path, box_xyxy, visible_points) ORDER BY rank)
        FROM region_views JOIN frames ON frames.id = frame_id WHERE region_id = regions.id
    ) AS views
    FROM (
        SELECT id, scene_id, level, feature_set_id, point_count, centre, box_min, box_max,
               oriented_centre, oriented_axes, oriented_size
        FROM regions WHERE id = ANY(:ids)
    ) AS regions JOIN scenes ON scenes.id = scene_id JOIN datasets ON datasets.id = dataset_id
    """
)


def load_hits(
    connection: Connection,
    store_path: Path,
    ids: NDArray[np.int64],
    scores: NDArray[np.float32],
    probabilities: Sequence[float | None],
) -> list[Hit]:
    """One hit an id, in their order; a region that was replaced a moment ago is left out."""
    rows = {row.id: row for row in connection.execute(_ROWS, {"ids": ids.tolist()})}
    return [
        _hit(store_path, rows[region], float(score), probability)
        for region, score, probability in zip(ids.tolist(), scores, probabilities, strict=True)
        if region in rows
    ]


def _hit(store_path: Path, row: Row[Any], score: float, probability: float | None) -> Hit:
    box = OrientedBox(
        np.array(row.oriented_centre), np.array(row.oriented_axes).reshape(3, 3), np.array(row.oriented_size)
    )
    return Hit(
        dataset=row.dataset,
        scene=row.scene,
        region=row.id,
        level=row.level,
        score=score,
        probability=probability,
        point_count=row.point_count,
        centre=tuple(row.centre),
        box_min=tuple(row.box_min),
        box_max=tuple(row.box_max),
        oriented_box=box,
        feature_set=row.feature_set_id,
        evidence=tuple(
            Evidence(frame, os.path.join(store_path, path), (float(x0), float(y0), float(x1), float(y1)), visible)
            for frame, path, (x0, y0, x1, y1), visible in row.views or ()
        ),
    )
