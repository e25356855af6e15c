"""Regions out of the database: for people by id, for programs all of a feature set with their vectors."""

from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, Select, select, tuple_

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
from ...core.paging import Page, key_of, require_limit, token
from ..postgres import schema
from ..postgres.database import Database
from .loading import camera, load_object_of_superpoint


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
    oriented_box: OrientedBox | None = None  # None: of a thing
    parent: int | None = None  # of a superpoint: the ordinal of its object, where it was asked for
    views: tuple[Evidence, ...] = ()  # the images that show it best, the best first, where they were asked for

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
    with store.connect() as connection:
        return _views(store, connection, [id]).get(id, [])


def _views(store: Database, connection: Connection, ids: Sequence[int]) -> dict[int, list[Evidence]]:
    views, frames = schema.region_views, schema.frames
    query = (
        select(views, frames.c.name, frames.c.image_path, frames.c.ordinal, frames.c.camera)
        .join_from(views, frames, frames.c.id == views.c.frame_id)
        .where(views.c.region_id.in_(ids)).order_by(views.c.region_id, views.c.rank)
    )  # fmt: skip
    found: dict[int, list[Evidence]] = {}
    for row in connection.execute(query):
        x0, y0, x1, y1 = row.box_xyxy
        shown = Evidence(
            row.name, str(store.path / row.image_path), (x0, y0, x1, y1), row.visible_points, row.ordinal,
            camera(row.camera),
        )  # fmt: skip
        found.setdefault(row.region_id, []).append(shown)
    return found


Order = Literal["-points", "ordinal"]  # of a list of regions: those with most points first, or by feature set


def regions(
    store: Database,
    scene_id: int,
    level: Level = "object",
    top: int | None = None,
    *,
    feature_set: str | None = None,
    after: str | None = None,
    limit: int | None = None,
    order: Order = "-points",
    details: bool = False,
) -> Page[RegionInfo]:
    """The regions of a scene at one level: of all its feature sets, or of the one of that name.

    At most `limit` (or `top`) of them, those behind the page whose `next` is `after`. With `details` each has its views
    and, being a superpoint, the object that it belongs to.
    """
    require_limit(limit)
    table, count = schema.regions, limit or top
    query = _query().where(table.c.scene_id == scene_id, table.c.level == level)
    if feature_set is not None:
        query = query.where(schema.feature_sets.c.name == feature_set)
    key = (-table.c.point_count, table.c.id) if order == "-points" else (table.c.feature_set_id, table.c.ordinal)
    if after is not None:
        query = query.where(tuple_(*key) > tuple_(*key_of(after, order, (int, int))))
    with store.connect() as connection:
        rows = connection.execute(query.order_by(*key).limit(None if count is None else count + 1)).all()
        goes_on = count is not None and len(rows) > count
        rows = rows[:count]
        found = [_info(row) for row in rows]
        views = _views(store, connection, [row.id for row in rows]) if details else {}
    if details:
        found = [replace(one, views=tuple(views.get(one.id, ()))) for one in found]
        found = _with_parents(store, found) if level == "superpoint" else found
    last = rows[-1] if rows else None
    if not goes_on or last is None:
        return Page(found)
    ends = (-last.point_count, last.id) if order == "-points" else (last.feature_set_id, last.ordinal)
    return Page(found, token(order, ends))


def _with_parents(store: Database, found: Sequence[RegionInfo]) -> list[RegionInfo]:
    object_of = {
        name: load_object_of_superpoint(store, found[0].scene_id, name) for name in {one.features for one in found}
    }
    return [replace(one, parent=int(object_of[one.features][one.ordinal])) for one in found]


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
    values = {each.name: row._mapping[each.name] for each in fields(RegionInfo) if each.default is MISSING}
    lists = {name: tuple(values[name]) for name in ("centre", "box_min", "box_max")}
    return RegionInfo(**(values | lists), oriented_box=_oriented(row))


def _oriented(row: Row[Any]) -> OrientedBox:
    return OrientedBox(
        np.array(row.oriented_centre), np.array(row.oriented_axes).reshape(3, 3), np.array(row.oriented_size)
    )


def _region(row: Row[Any], views: Sequence[RegionView]) -> Region:
    return Region(
        level=row.level,
        ordinal=row.ordinal,
        point_count=row.point_count,
        seen_count=row.seen_count,
        centre=np.array(row.centre),
        box_min=np.array(row.box_min),
        box_max=np.array(row.box_max),
        oriented_box=_oriented(row),
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
