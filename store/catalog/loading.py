"""What was published comes back as it went in: frames, points, correspondences, features."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row, select

from ...core.errors import BadInput, NotFound
from ...core.features import Correspondence, EmbeddingSpace, PointFeatures
from ...core.scene import Camera, Frame
from ...core.wording import did_you_mean, near_names
from ..files import parquet, places
from ..files.parquet import RowGroup
from ..files.stored_points import StoredPoints
from ..postgres import schema
from ..postgres.database import Database
from . import leases

log = logging.getLogger(__name__)

Found = TypeVar("Found")
Result = TypeVar("Result")


def load_frames(store: Database, scene_id: int) -> tuple[Frame, ...]:
    """All frames in their order; pictures that lie in the store get their path of today."""
    query = select(schema.frames).where(schema.frames.c.scene_id == scene_id).order_by(schema.frames.c.ordinal)
    with store.connect() as connection:
        rows = connection.execute(query).all()
    if not rows:
        _scene_file(store, scene_id, "points_file", also_replaced=False)  # points alone have none; one gone raises
    return tuple(_frame(store, row) for row in rows)


def load_frame(store: Database, scene_id: int, name: str) -> Frame:
    """The frame of that name; NotFound says which names come near."""
    table = schema.frames
    with store.connect() as connection:
        row = connection.execute(select(table).where(table.c.scene_id == scene_id, table.c.name == name)).one_or_none()
        known = [] if row else connection.scalars(select(table.c.name).where(table.c.scene_id == scene_id)).all()
    if row is None:
        said = f"The scene has no frame named {name!r} among its {len(known)}.{did_you_mean(name, known)}"
        raise NotFound(said, near=near_names(name, known))
    return _frame(store, row)


def frames_by_name(store: Database, scene_id: int, names: Iterable[str]) -> dict[str, tuple[int, Frame]]:
    """Those of the names that are frames of the scene: their position, and the frame."""
    table = schema.frames
    with store.connect() as connection:
        rows = connection.execute(select(table).where(table.c.scene_id == scene_id, table.c.name.in_(set(names)))).all()
    return {row.name: (row.ordinal, _frame(store, row)) for row in rows}


def _frame(store: Database, row: Row[Any]) -> Frame:
    return Frame(
        name=row.name,
        camera=camera(row.camera),
        camera_to_world=np.array(row.camera_to_world).reshape(4, 4),
        image_path=store.path / row.image_path,
        depth_path=None if row.depth_path is None else store.path / row.depth_path,
        depth_camera=None if row.depth_camera is None else camera(row.depth_camera),
        depth_scale=row.depth_scale,
        depth_to_color=None if row.depth_to_color is None else np.array(row.depth_to_color).reshape(4, 4),
        timestamp=row.timestamp,
    )


def widest_frames(store: Database, scene_id: int, count: int) -> list[Path]:
    """The images of the frames that see most points, the widest first."""
    table = schema.frames
    query = select(table.c.image_path).where(table.c.scene_id == scene_id)
    with store.connect() as connection:
        paths = connection.execute(query.order_by(table.c.seen_point_count.desc(), table.c.ordinal).limit(count))
        return [store.path / path for path in paths.scalars()]


@overload
def load_points(store: Database, scene_id: int) -> StoredPoints: ...


@overload
def load_points(
    store: Database, scene_id: int, *, columns: Sequence[str], row_groups: Sequence[int] | None = None
) -> dict[str, NDArray[Any]]: ...


def load_points(
    store: Database,
    scene_id: int,
    *,
    columns: Sequence[str] | None = None,
    row_groups: Sequence[int] | None = None,
) -> StoredPoints | dict[str, NDArray[Any]]:
    """The cloud in stored order, with its superpoints and the order of its scan.

    With `columns`, only these of its file (see store/files/parquet.py), and of `row_groups` alone: see `row_groups`.
    """

    def look_up() -> Path:
        return _scene_file(store, scene_id, "points_file")

    if columns is None and row_groups is None:
        return read_what_is_named(look_up, parquet.read_points)
    return read_what_is_named(look_up, lambda path: parquet.read_point_columns(path, columns, row_groups))


def row_groups(store: Database, scene_id: int) -> tuple[RowGroup, ...]:
    """The row groups of a scene's points, each with its box."""
    return read_what_is_named(lambda: _scene_file(store, scene_id, "points_file"), parquet.point_row_groups)


def load_object_of_superpoint(store: Database, scene_id: int, name: str) -> NDArray[np.int32]:
    """(S,) the object of each superpoint of a scene in its feature set of that name; -1 where nobody saw it."""

    def look_up() -> tuple[Path, Path]:
        return _scene_file(store, scene_id, "points_file"), features_file(store, scene_id, name)[0]

    def read(found: tuple[Path, Path]) -> NDArray[np.int32]:
        return parquet.read_object_of_superpoint(found[1], parquet.superpoint_count(found[0]))

    return read_what_is_named(look_up, read)


def load_superpoints(store: Database, scene_id: int) -> NDArray[np.int32]:
    """(N,) the superpoint of each point in stored order."""
    return read_what_is_named(lambda: _scene_file(store, scene_id, "points_file"), parquet.read_superpoints)


def load_original_index(store: Database, scene_id: int) -> NDArray[np.int32]:
    """(N,) the row in the scan's own order of each point in stored order."""
    return read_what_is_named(lambda: _scene_file(store, scene_id, "points_file"), parquet.read_original_index)


def load_labels(store: Database, scene_id: int) -> tuple[NDArray[np.int32] | None, dict[int, str]]:
    """The label of each point in the store's order, None where the scan has none, and the names of the labels."""
    return read_what_is_named(lambda: _scene_file(store, scene_id, "points_file"), parquet.read_labels)


def load_correspondences(store: Database, scene_id: int, frames: Sequence[int] | None = None) -> list[Correspondence]:
    """What the frames see (None: all, in their order)."""
    return read_what_is_named(
        lambda: _scene_file(store, scene_id, "correspondences_file"),
        lambda path: parquet.read_correspondences(path, frames),
    )


def load_features(store: Database, scene_id: int, name: str) -> PointFeatures:
    """The vectors of the scene's feature set of that name."""
    return read_what_is_named(lambda: features_file(store, scene_id, name), lambda found: parquet.read_features(*found))


def read_what_is_named(look_up: Callable[[], Found], read: Callable[[Found], Result]) -> Result:
    """Read what the rows name; when it was replaced between the look and the reading, what they name now."""
    found = look_up()
    try:
        return read(found)
    except BadInput:
        now = look_up()
        if now == found:
            raise
        return read(now)


def feature_blocks(
    found: tuple[Path, EmbeddingSpace],
) -> Iterator[tuple[NDArray[np.int32], NDArray[np.float16]]]:
    """What a file that `features_file` found holds, a row group at a time: rows of points, and their vectors."""
    return parquet.feature_blocks(*found)


def features_file(store: Database, scene_id: int, name: str) -> tuple[Path, EmbeddingSpace]:
    """The file of the scene's feature set of that name, and what is in it."""
    sets, spaces = schema.feature_sets, schema.embedding_spaces
    query = select(sets.c.name, sets.c.features_file, spaces.c.name, spaces.c.dim, spaces.c.digest,
                   spaces.c.logit_scale).join_from(sets, spaces).where(sets.c.scene_id == scene_id)  # fmt: skip
    with store.connect() as connection:
        found = {row[0]: row[1:] for row in connection.execute(query)}
    if name not in found:
        known = ", ".join(sorted(found)) or "none"
        scene = select(schema.scenes.c.name).where(schema.scenes.c.id == scene_id)
        with store.connect() as connection:
            whose = connection.scalar(scene)
        said = f"{whose or 'The scene'} has no features named {name!r}; it has: {known}. See: ovstore features"
        raise NotFound(said, near=found)
    file, *space = found[name]
    return store.file(file), EmbeddingSpace(*space)


def _scene_file(store: Database, scene_id: int, column: str, *, also_replaced: bool = True) -> Path:
    with store.connect() as connection:
        query = select(schema.scenes.c[column]).where(schema.scenes.c.id == scene_id)
        file: Any = connection.execute(query).scalar_one_or_none()
        folder = leases.replaced_scene(connection, scene_id) if file is None and also_replaced else None
    if folder is not None:
        _say_once(scene_id)
        file_in = {"points_file": places.points_file, "correspondences_file": places.correspondences_file}
        return store.file(file_in[column](folder))
    if file is None:
        raise _gone(scene_id)
    return store.file(file)


@cache
def _say_once(scene_id: int) -> None:
    log.warning(
        "Scene %d was replaced or forgotten while it is being read: its old state is read to the end.", scene_id
    )


def camera(numbers: Sequence[float]) -> Camera:
    """Of the column of a frame: width, height, fx, fy, cx, cy."""
    width, height, *focal_and_centre = numbers
    return Camera(int(width), int(height), *focal_and_centre)


def _gone(scene_id: int) -> NotFound:
    return NotFound(f"Scene {scene_id} is not in the store: it was replaced or forgotten. See: ovstore scenes")
