"""Region ids become hits: what a region is, where it lies, and the pictures that show it."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from ...core.features import Evidence, Hit, Level, OrientedBox
from ...core.scene import Camera
from .hit_contents import StoredContents

_ROWS = """
    SELECT regions.id, datasets.name, scenes.name, level, feature_set_id, ordinal, regions.point_count, centre,
           regions.box_min, regions.box_max, oriented_centre, oriented_axes, oriented_size, (
        SELECT json_agg(
            json_build_array(frames.name, frames.image_path, box_xyxy, visible_points, frames.ordinal, camera)
            ORDER BY rank)
        FROM region_views JOIN frames ON frames.id = frame_id WHERE region_id = regions.id
    ), points_file, features_file
    FROM regions JOIN scenes ON scenes.id = scene_id JOIN datasets ON datasets.id = dataset_id
    JOIN feature_sets ON feature_sets.id = feature_set_id
    WHERE regions.id = ANY(%s)
"""


def load_hits(
    connection: Connection,
    store_path: Path,
    ids: NDArray[np.int64],
    scores: NDArray[np.float32],
    probabilities: Sequence[float | None],
    fits: Sequence[float] | None = None,
) -> list[Hit]:
    """One hit an id, in their order; a region that was replaced a moment ago is left out. `fits` default to scores."""
    ordered_by = scores.tolist() if fits is None else fits
    answers = dict(zip(ids.tolist(), zip(scores.tolist(), probabilities, ordered_by, strict=True), strict=True))
    rows = connection.exec_driver_sql(_ROWS, (list(answers),)).all()
    hits = {row[0]: _hit(os.fspath(store_path), *row, *answers[row[0]]) for row in rows}
    return [hits[region] for region in answers if region in hits]


def evidence(
    folder: str,
    frame: str,
    image_path: str,
    box_xyxy: Sequence[float],
    visible_points: int,
    ordinal: int,
    camera: Sequence[float],
) -> Evidence:
    """An image that shows a hit, from the columns of its frame; `folder` is that of the store."""
    x0, y0, x1, y1 = map(float, box_xyxy)
    width, height, *lens = camera
    return Evidence(
        frame,
        os.path.join(folder, image_path),
        (x0, y0, x1, y1),
        visible_points,
        ordinal,
        Camera(int(width), int(height), *map(float, lens)),
    )


def _hit(
    folder: str,
    region: int,
    dataset: str,
    scene: str,
    level: Level,
    feature_set: int,
    ordinal: int,
    point_count: int,
    centre: list[float],
    box_min: list[float],
    box_max: list[float],
    oriented_centre: list[float],
    oriented_axes: list[float],
    oriented_size: list[float],
    views: list[Any] | None,
    points_file: str,
    features_file: str,
    score: float,
    probability: float | None,
    fit: float,
) -> Hit:
    return Hit(
        dataset=dataset,
        scene=scene,
        region=region,
        level=level,
        score=score,
        probability=probability,
        point_count=point_count,
        centre=(centre[0], centre[1], centre[2]),
        box_min=(box_min[0], box_min[1], box_min[2]),
        box_max=(box_max[0], box_max[1], box_max[2]),
        oriented_box=OrientedBox(
            np.array(oriented_centre), np.array(oriented_axes).reshape(3, 3), np.array(oriented_size)
        ),
        feature_set=feature_set,
        ordinal=ordinal,
        evidence=tuple(
            evidence(folder, frame, path, box, visible, place, camera)
            for frame, path, box, visible, place, camera in views or ()
        ),
        fit=fit,
        contents=StoredContents(Path(folder, points_file), Path(folder, features_file)),
    )
