"""Vocabulary into rows: frames, regions, views and scene vectors, in the transaction of a connection."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, bindparam, delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_keep

from ...core.digests import recipe_digest
from ...core.features import Correspondence, RegionFeatures, SceneVectors
from ...core.scene import Frame, Scene
from ..catalog.contents import camera_numbers
from ..files.parquet import RowRanges
from ..postgres.copy_in import copy_rows, half, numbers
from ..postgres.schema import frames, recipes, region_views, regions, scene_vectors, scenes

_FRAME_COLUMNS = (
    "scene_id", "ordinal", "name", "image_path", "depth_path", "depth_scale", "camera", "depth_camera",
    "camera_to_world", "depth_to_color", "timestamp", "seen_point_count",
)  # fmt: skip
_REGION_COLUMNS = (
    "feature_set_id", "scene_id", "embedding_space_id", "level", "ordinal", "point_count", "seen_count", "row_start",
    "row_stop", "centre", "box_min", "box_max", "oriented_centre", "oriented_axes", "oriented_size", "radius", "label",
    "embedding",
)  # fmt: skip
_VIEW_COLUMNS = ("region_id", "rank", "frame_id", "box_xyxy", "visible_points")
_VECTOR_COLUMNS = ("feature_set_id", "embedding_space_id", "kind", "ordinal", "weight", "embedding")


def insert_scene(
    connection: Connection,
    store_path: Path,
    scene: Scene,
    correspondences: Sequence[Correspondence],
    values: dict[str, Any],
) -> int:
    """The scene's row, completed by `values`, and its frames; returns the scene's id."""
    values = values | _described(scene) | {"name": scene.name, "seen_point_count": _seen_points(scene, correspondences)}
    scene_id: int = connection.execute(insert(scenes).values(values).returning(scenes.c.id)).scalar_one()
    copy_rows(
        connection,
        frames,
        _FRAME_COLUMNS,
        (
            _frame_row(store_path, scene_id, ordinal, frame, seen)
            for (ordinal, frame), seen in zip(
                enumerate(scene.frames), _seen_of_frames(scene, correspondences), strict=True
            )
        ),
    )
    return scene_id


def update_scene(
    connection: Connection,
    store_path: Path,
    scene_id: int,
    scene: Scene,
    correspondences: Sequence[Correspondence],
) -> None:
    """The rows of a scene whose content is the same: where its images lie, and what people are told.

    The numbers are written too, and frames that are gone, so that rows which somebody changed say again what was
    published.
    """
    connection.execute(update(scenes).where(scenes.c.id == scene_id).values(_described(scene)))
    of_scene = frames.c.scene_id == scene_id
    connection.execute(delete(frames).where(of_scene, frames.c.ordinal >= len(scene.frames)))
    held = set(connection.execute(select(frames.c.ordinal).where(of_scene)).scalars())
    columns = [name for name in _FRAME_COLUMNS if name not in ("scene_id", "ordinal")]
    statement = (
        update(frames)
        .where(of_scene, frames.c.ordinal == bindparam("at"))
        .values({name: bindparam(f"new_{name}") for name in columns})
    )
    seen = _seen_of_frames(scene, correspondences)
    rows = [_frame_row(store_path, scene_id, at, frame, seen[at]) for at, frame in enumerate(scene.frames)]
    named = [dict(zip(_FRAME_COLUMNS, row, strict=True)) for row in rows]
    changes = [
        {"at": at} | {f"new_{name}": row[name] for name in columns} for at, row in enumerate(named) if at in held
    ]
    if changes:
        connection.execute(statement, changes)
    copy_rows(connection, frames, _FRAME_COLUMNS, [row for at, row in enumerate(rows) if at not in held])


def move_scene(connection: Connection, scene_id: int, before: Path, now: Path) -> None:
    """The scan lies at `now`, as it lay at `before`; images inside the store stay where they are."""
    base, new_base = (place if now.is_dir() else place.parent for place in (before, now))
    old = select(frames.c.id, frames.c.image_path, frames.c.depth_path).where(frames.c.scene_id == scene_id)
    paths = [
        {
            "frame": row.id,
            "image": _moved(row.image_path, base, new_base),
            "depth": _moved(row.depth_path, base, new_base),
        }
        for row in connection.execute(old)
    ]
    connection.execute(update(scenes).where(scenes.c.id == scene_id).values(source=str(now)))
    if paths:
        moved = update(frames).where(frames.c.id == bindparam("frame"))
        connection.execute(moved.values(image_path=bindparam("image"), depth_path=bindparam("depth")), paths)


def _moved(path: str | None, base: Path, new_base: Path) -> str | None:
    if path is None or not os.path.isabs(path):
        return path
    return os.path.normpath(new_base / os.path.relpath(path, base))


def insert_regions(
    connection: Connection,
    feature_set_id: int,
    scene_id: int,
    embedding_space_id: int,
    of_levels: Sequence[RegionFeatures],
    ranges: RowRanges,
) -> None:
    """Regions of all levels and the views that show them."""
    owner = (feature_set_id, scene_id, embedding_space_id)
    copy_rows(
        connection,
        regions,
        _REGION_COLUMNS,
        (
            (*owner, of_level.level, region.ordinal, region.point_count, region.seen_count,
             *ranges[of_level.level][region.ordinal],
             numbers(region.centre), numbers(region.box_min), numbers(region.box_max),
             numbers(region.oriented_box.centre), numbers(region.oriented_box.axes), numbers(region.oriented_box.size),
             float(region.radius), region.label, half(vector))
            for of_level in of_levels
            for region, vector in zip(of_level.regions, of_level.vectors, strict=True)
        ),
    )  # fmt: skip
    found = select(regions.c.level, regions.c.ordinal, regions.c.id).where(regions.c.feature_set_id == feature_set_id)
    region_id = {(row.level, row.ordinal): row.id for row in connection.execute(found)}
    frame_ids = select(frames.c.ordinal, frames.c.id).where(frames.c.scene_id == scene_id)
    frame_id = {row.ordinal: row.id for row in connection.execute(frame_ids)}
    copy_rows(
        connection,
        region_views,
        _VIEW_COLUMNS,
        (
            (region_id[of_level.level, region.ordinal], rank, frame_id[view.frame], numbers(view.box_xyxy),
             int(view.visible_points))
            for of_level in of_levels
            for region in of_level.regions
            for rank, view in enumerate(region.views)
        ),
    )  # fmt: skip


def insert_scene_vectors(
    connection: Connection, feature_set_id: int, embedding_space_id: int, vectors: SceneVectors
) -> None:
    """The mean and the prototypes."""
    owner = (feature_set_id, embedding_space_id)
    prototypes = zip(vectors.prototype_weight, vectors.prototypes, strict=True)
    copy_rows(
        connection,
        scene_vectors,
        _VECTOR_COLUMNS,
        [
            (*owner, "mean", 0, 1.0, half(vectors.mean)),
            *(
                (*owner, "prototype", ordinal, float(weight), half(vector))
                for ordinal, (weight, vector) in enumerate(prototypes)
            ),
        ],
    )


def recipe_id(connection: Connection, recipe: dict[str, Any]) -> int:
    """That of the recipe's row, which is made where there is none."""
    digest = recipe_digest(recipe)
    connection.execute(insert_or_keep(recipes).values(digest=digest, body=recipe).on_conflict_do_nothing())
    return int(connection.execute(select(recipes.c.id).where(recipes.c.digest == digest)).scalar_one())


def stored_path(store_path: Path, path: Path) -> str:
    """Relative to the store for what lies below it, so that a store can be moved; absolute for the user's files."""
    absolute = Path(os.path.abspath(path))
    inside = absolute.is_relative_to(os.path.abspath(store_path))
    return str(absolute.relative_to(os.path.abspath(store_path)) if inside else absolute)


def _described(scene: Scene) -> dict[str, Any]:
    return {
        "split": scene.split,
        "source": scene.source,
        "findings": list(scene.findings),
        "up_axis": scene.up_axis,
        "point_count": len(scene.points),
        "frame_count": len(scene.frames),
        "box_min": numbers(scene.points.xyz.min(axis=0)),
        "box_max": numbers(scene.points.xyz.max(axis=0)),
        "label_names": {str(key): name for key, name in scene.points.label_names.items()},
    }


def _seen_points(scene: Scene, correspondences: Sequence[Correspondence]) -> int:
    """How many points at least one frame sees."""
    seen = np.zeros(len(scene.points), bool)
    for correspondence in correspondences:
        seen[correspondence.point_index] = True
    return int(seen.sum())


def _seen_of_frames(scene: Scene, correspondences: Sequence[Correspondence]) -> list[int]:
    """How many points each frame sees."""
    counts = [0] * len(scene.frames)
    for correspondence in correspondences:
        counts[correspondence.frame] = len(correspondence)
    return counts


def _frame_row(store_path: Path, scene_id: int, ordinal: int, frame: Frame, seen: int) -> tuple[Any, ...]:
    return (
        scene_id,
        ordinal,
        frame.name,
        stored_path(store_path, frame.image_path),
        _depth_path(store_path, frame),
        float(frame.depth_scale),
        camera_numbers(frame.camera),
        camera_numbers(frame.depth_camera),
        numbers(frame.camera_to_world),
        None if frame.depth_to_color is None else numbers(frame.depth_to_color),
        None if frame.timestamp is None else float(frame.timestamp),
        seen,
    )


def _depth_path(store_path: Path, frame: Frame) -> str | None:
    return None if frame.depth_path is None else stored_path(store_path, frame.depth_path)
