"""Regions out of the database: for people by id, for programs all of a feature set with their vectors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, Select, select

from ...core.errors import NotFound
from ...core.features import (
    EmbeddingSpace,
    Evidence,
    HitLevel,
    Level,
    OrientedBox,
    Region,
    RegionFeatures,
    RegionView,
    SceneVectors,
)
from ..postgres import schema
from ..postgres.database import Database


@dataclass(frozen=True)
class RegionInfo:
    """One region, as people see it."""

    id: int
    dataset: str
    scene: str
    scene_id: int
    features: str  # the feature set's name
    feature_set_id: int
    level: HitLevel  # "thing": a node of the tree, see region_names.py
    ordinal: int
    point_count: int
    seen_count: int
    row_start: int  # its rows in the features file; of a thing, those of its largest superpoint
    row_stop: int
    centre: tuple[float, ...]  # metres, xyz
    box_min: tuple[float, ...]
    box_max: tuple[float, ...]
    label: str | None
    superpoints: tuple[int, ...] = ()  # of a thing: the ordinals of all of them

    @property
    def name(self) -> str:
        """What it is called within its scene, also after the scene was ingested again."""
        return f"{self.ordinal}@{self.level}"

    @property
    def full_name(self) -> str:
        """What names it whatever other datasets hold."""
        return f"{self.dataset}/{self.scene}:{self.name}"


def region(store: Database, id: int) -> RegionInfo:
    """The region of that id."""
    if id >= 2**63:  # no bigint
        raise _no_region(id)
    with store.connect() as connection:
        row = connection.execute(_query().where(schema.regions.c.id == id)).one_or_none()
    if row is None:
        raise _no_region(id)
    return _info(row)


def region_called(store: Database, feature_set_id: int, level: str, ordinal: int) -> RegionInfo | None:
    """The region of a feature set with that level and ordinal."""
    table = schema.regions
    own = (table.c.feature_set_id == feature_set_id, table.c.level == level, table.c.ordinal == ordinal)
    with store.connect() as connection:
        row = connection.execute(_query().where(*own)).one_or_none()
    return None if row is None else _info(row)


def region_views(store: Database, id: int) -> list[Evidence]:
    """The images that show a region best, the best first."""
    views, frames = schema.region_views, schema.frames
    columns = (frames.c.name, frames.c.image_path, views.c.box_xyxy, views.c.visible_points)
    query = select(*columns).join_from(views, frames, frames.c.id == views.c.frame_id)
    with store.connect() as connection:
        rows = connection.execute(query.where(views.c.region_id == id).order_by(views.c.rank)).all()
    return [Evidence(name, str(store.path / path), tuple(box), seen) for name, path, box, seen in rows]


def regions(store: Database, scene_id: int, level: Level = "object", top: int | None = None) -> list[RegionInfo]:
    """The regions of a scene at one level, of all its feature sets, those with most points first."""
    table = schema.regions
    query = _query().where(table.c.scene_id == scene_id, table.c.level == level)
    with store.connect() as connection:
        rows = connection.execute(query.order_by(table.c.point_count.desc(), table.c.id).limit(top)).all()
    return [_info(row) for row in rows]


def region_vector(store: Database, id: int) -> tuple[EmbeddingSpace, NDArray[np.float32]]:
    """The space and the (dim,) unit vector of a region."""
    spaces, table = schema.embedding_spaces, schema.regions
    query = select(spaces.c.name, spaces.c.dim, spaces.c.digest, spaces.c.logit_scale, table.c.embedding)
    with store.connect() as connection:
        row = connection.execute(query.join_from(table, spaces).where(table.c.id == id)).one_or_none()
    if row is None:
        raise _no_region(id)
    return EmbeddingSpace(*row[:4]), halves(row.embedding).astype(np.float32)


def load_regions(store: Database, feature_set_id: int, space: EmbeddingSpace, level: Level) -> RegionFeatures:
    """All regions of a feature set at one level with their vectors and views, as they were published."""
    with store.connect() as connection:
        return regions_of(connection, feature_set_id, space, level)


def regions_of(connection: Connection, feature_set_id: int, space: EmbeddingSpace, level: Level) -> RegionFeatures:
    """`load_regions` in a transaction that is open."""
    table, views, frames = schema.regions, schema.region_views, schema.frames
    own = (table.c.feature_set_id == feature_set_id, table.c.level == level)
    seen = (
        select(views, frames.c.ordinal.label("frame"))
        .join_from(views, table).join(frames, frames.c.id == views.c.frame_id)
        .where(*own).order_by(views.c.region_id, views.c.rank)
    )  # fmt: skip
    rows = connection.execute(select(table).where(*own).order_by(table.c.ordinal)).all()
    views_of: dict[int, list[RegionView]] = {row.id: [] for row in rows}
    for view in connection.execute(seen):
        x0, y0, x1, y1 = view.box_xyxy
        views_of[view.region_id].append(RegionView(view.frame, (x0, y0, x1, y1), view.visible_points))
    vectors = [halves(row.embedding) for row in rows]
    return RegionFeatures(
        space,
        level,
        tuple(_region(row, views_of[row.id]) for row in rows),
        np.array(vectors, np.float16).reshape(len(rows), space.dim),
    )


def load_scene_vectors(store: Database, feature_set_id: int, space: EmbeddingSpace) -> SceneVectors:
    """The mean and the prototypes of a feature set, as they were published."""
    with store.connect() as connection:
        return scene_vectors_of(connection, feature_set_id, space)


def scene_vectors_of(connection: Connection, feature_set_id: int, space: EmbeddingSpace) -> SceneVectors:
    """`load_scene_vectors` in a transaction that is open."""
    table = schema.scene_vectors
    query = select(table).where(table.c.feature_set_id == feature_set_id).order_by(table.c.kind, table.c.ordinal)
    rows = connection.execute(query).all()
    means = [halves(row.embedding) for row in rows if row.kind == "mean"]
    if len(means) != 1:
        raise NotFound(f"Feature set {feature_set_id} has lost its scene vector: ingest its scene with --again.")
    [mean] = means
    prototypes = [row for row in rows if row.kind == "prototype"]
    vectors = np.array([halves(row.embedding) for row in prototypes], np.float16)
    weights = np.array([row.weight for row in prototypes], np.float32)
    return SceneVectors(space, mean, vectors.reshape(len(prototypes), space.dim), weights)


def _query() -> Select[Any]:
    table, sets = schema.regions, schema.feature_sets
    return (
        select(table, schema.datasets.c.name.label("dataset"), schema.scenes.c.name.label("scene"),
               sets.c.name.label("features"))
        .join_from(table, sets, sets.c.id == table.c.feature_set_id)
        .join(schema.scenes, schema.scenes.c.id == table.c.scene_id)
        .join(schema.datasets)
    )  # fmt: skip


def _info(row: Row[Any]) -> RegionInfo:
    values = {name: row._mapping[name] for name in RegionInfo.__annotations__ if name != "superpoints"}
    return RegionInfo(**(values | {name: tuple(values[name]) for name in ("centre", "box_min", "box_max")}))


def _region(row: Row[Any], views: Sequence[RegionView]) -> Region:
    box = OrientedBox(
        np.array(row.oriented_centre), np.array(row.oriented_axes).reshape(3, 3), np.array(row.oriented_size)
    )
    return Region(
        level=row.level,
        ordinal=row.ordinal,
        point_count=row.point_count,
        seen_count=row.seen_count,
        centre=np.array(row.centre),
        box_min=np.array(row.box_min),
        box_max=np.array(row.box_max),
        oriented_box=box,
        radius=row.radius,
        label=row.label,
        views=tuple(views),
    )


def halves(embedding: Any) -> NDArray[np.float16]:
    values = embedding.to_numpy() if hasattr(embedding, "to_numpy") else embedding
    return np.asarray(values, np.float16)


def _no_region(id: int) -> NotFound:
    return NotFound(
        f"No region {id} in the store. `ovstore search` and `ovstore show SCENE` print the names of regions."
    )
