"""What the store holds, by name: scenes, feature sets, and which of them are up to date.

Results are frozen values; contents (points, vectors, frames) come from `loading`, regions from `regions`, and
the functions people need most are here under one name.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import BigInteger, Connection, Row, Select, cast, func, select, tuple_

from ...core.digests import recipe_digest
from ...core.errors import NotFound
from ...core.features import EmbeddingSpace
from ...core.paging import Page, key_of, require_limit, token
from ...core.wording import did_you_mean, near_names
from ..files.parquet import faces_path
from ..files.readers import FeaturesFile, PointsFile
from ..postgres import schema
from ..postgres.database import Database
from . import file_digests
from .loading import (
    frames_by_name,
    load_correspondences,
    load_features,
    load_frame,
    load_frames,
    load_object_of_superpoint,
    load_points,
    load_superpoints,
    widest_frames,
)
from .regions import RegionInfo, region, region_vector, regions

__all__ = [
    "FeatureKind",
    "FeatureSetInfo",
    "RegionInfo",
    "SceneInfo",
    "ambiguous",
    "chosen_scenes",
    "damaged_files",
    "feature_kind",
    "feature_kinds",
    "feature_sets",
    "features_file",
    "files",
    "find_feature_set",
    "find_scene",
    "frames_by_name",
    "held_scene",
    "label_names",
    "load_correspondences",
    "load_features",
    "load_frame",
    "load_frames",
    "load_object_of_superpoint",
    "load_points",
    "load_superpoints",
    "names",
    "points_file",
    "ready_feature_set",
    "ready_geometry",
    "region",
    "region_vector",
    "regions",
    "scenes",
    "widest_frames",
]  # fmt: skip

SceneOrder = Literal["name", "-created_at", "-points"]

_EMPTY = "The store has no scenes yet. Ingest scans first: ovstore ingest --help"


@dataclass(frozen=True)
class SceneInfo:
    """One scan of the store."""

    id: int
    dataset: str
    name: str
    format: str  # the reader it came through
    split: str | None
    source: str
    up_axis: str
    point_count: int
    frame_count: int
    seen_point_count: int
    box_min: tuple[float, ...]  # metres, xyz
    box_max: tuple[float, ...]
    findings: tuple[str, ...]
    geometry: dict[str, Any]  # the recipe of points, visibility and superpoints
    content_digest: str
    points_file: str  # relative to the store
    correspondences_file: str
    created_at: datetime
    features: tuple[str, ...]  # names of its feature sets

    @property
    def full_name(self) -> str:
        """What names it whatever other datasets hold."""
        return f"{self.dataset}/{self.name}"


@dataclass(frozen=True)
class FeatureSetInfo:
    """Vectors of one scene by one recipe."""

    id: int
    scene_id: int
    dataset: str
    scene: str
    name: str
    space: EmbeddingSpace
    space_id: int
    recipe: dict[str, Any]
    source: str  # fused, distilled or imported
    state: str
    point_count: int  # points with a vector
    object_count: int
    superpoint_count: int
    crop_count: int  # objects that have a vector from crops, too
    content_digest: str
    features_file: str  # relative to the store
    created_at: datetime


@dataclass(frozen=True)
class FeatureKind:
    """Feature sets of one name and space: what a question can be put to."""

    name: str
    space: EmbeddingSpace
    scene_count: int
    recipe: dict[str, Any]  # of the newest


def scenes(
    store: Database,
    dataset: str | None = None,
    *,
    split: str | None = None,
    features: str | None = None,
    name_contains: str | None = None,
    sort: SceneOrder = "name",
    after: str | None = None,
    limit: int | None = None,
) -> Page[SceneInfo]:
    """All scenes, or those of one dataset, by dataset and name, or the newest or largest first.

    With `limit` a page of them, with their total number: its `next` is the `after` of the following one.
    """
    require_limit(limit)
    own, datasets = schema.scenes.c, schema.datasets.c
    conditions = [] if dataset is None else [datasets.name == dataset]
    conditions += [] if split is None else [own.split == split]
    conditions += [] if name_contains is None else [own.name.icontains(name_contains, autoescape=True)]
    if features is not None:
        sets = schema.feature_sets
        named = select(sets.c.id).where(sets.c.scene_id == own.id, sets.c.name == features, sets.c.state == "ready")
        conditions.append(named.exists())
    keys: dict[SceneOrder, tuple[Any, ...]] = {
        "name": (datasets.name, own.name),
        "-created_at": (-cast(func.extract("epoch", own.created_at) * 1_000_000, BigInteger), own.id),
        "-points": (-own.point_count, own.id),
    }
    key = keys[sort]
    query = _scene_query().where(*conditions).order_by(*key)
    if after is not None:
        kinds = (str, str) if sort == "name" else (int, int)
        query = query.where(tuple_(*key) > tuple_(*key_of(after, sort, kinds)))
    with store.connect() as connection:
        rows = connection.execute(
            query.add_columns(key[0].label("key_0"), key[1].label("key_1")).limit(None if limit is None else limit + 1)
        ).all()
        total = None
        if limit is not None:
            counted = select(func.count()).select_from(schema.scenes).join(schema.datasets).where(*conditions)
            total = connection.scalar(counted)
        if dataset is not None and not rows and after is None:
            known = connection.execute(select(datasets.name)).scalars().all()
            if dataset not in known:
                raise _no_dataset(dataset, known)
    page = rows[:limit]
    goes_on = limit is not None and len(rows) > limit
    return Page(map(_scene_info, page), token(sort, (page[-1].key_0, page[-1].key_1)) if goes_on else None, total)


def names(store: Database) -> dict[str, list[str]]:
    """What people may type: "scenes" (with their dataset where two share a name), "datasets" and "features"."""
    query = select(schema.datasets.c.name, schema.scenes.c.name).join_from(schema.scenes, schema.datasets)
    with store.connect() as connection:
        held = [(row[0], row[1]) for row in connection.execute(query)]
        features = connection.execute(select(schema.feature_sets.c.name).distinct()).scalars().all()
    count = Counter(scene for _, scene in held)
    return {
        "scenes": sorted(scene if count[scene] == 1 else f"{dataset}/{scene}" for dataset, scene in held),
        "datasets": sorted({dataset for dataset, _ in held}),
        "features": sorted(features),
    }


def chosen_scenes(store: Database, datasets: Sequence[str] = (), names: Sequence[str] = ()) -> list[SceneInfo]:
    """The scenes of these datasets and names, all without them; NotFound for a name that is none, or an empty store."""
    held = [scene for name in dict.fromkeys(datasets) or (None,) for scene in scenes(store, name)]
    if not held:
        raise NotFound(_EMPTY)
    if not names:
        return held
    dataset = datasets[0] if len(datasets) == 1 else None
    wanted = {find_scene(store, name, dataset).id for name in names}
    return [scene for scene in held if scene.id in wanted]


def find_scene(store: Database, name: str, dataset: str | None = None) -> SceneInfo:
    """The scene called "scene" or "dataset/scene"; NotFound says which names come near."""
    full_name = schema.datasets.c.name + "/" + schema.scenes.c.name
    query = _scene_query().where((schema.scenes.c.name == name) | (full_name == name))
    if dataset is not None:
        query = query.where(schema.datasets.c.name == dataset)
    with store.connect() as connection:
        found = [_scene_info(row) for row in connection.execute(query)]
        if len(found) == 1:
            return found[0]
        known = connection.execute(select(schema.datasets.c.name, schema.scenes.c.name).join_from(
            schema.scenes, schema.datasets)).all()  # fmt: skip
    if found:
        names = ", ".join(sorted(scene.full_name for scene in found))
        near = sorted(scene.full_name for scene in found)
        raise NotFound(f"{len(found)} scenes are named {name!r}: choose one of {names}.", near=near)
    raise _no_scene(name, dataset, [(row[0], row[1]) for row in known])


def ambiguous(store: Database, names: Sequence[str]) -> set[str]:
    """Those names that scenes of several datasets have."""
    own = schema.scenes.c.name
    query = select(own).where(own.in_(set(names))).group_by(own).having(func.count() > 1)
    with store.connect() as connection:
        return set(connection.execute(query).scalars())


def held_scene(store: Database, dataset: str, name: str) -> SceneInfo | None:
    """The scene of that dataset and name, if there is one."""
    query = _scene_query().where(schema.datasets.c.name == dataset, schema.scenes.c.name == name)
    with store.connect() as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else _scene_info(row)


def feature_sets(store: Database, scene_id: int | None = None) -> list[FeatureSetInfo]:
    """All feature sets, or those of one scene, by dataset, scene and name."""
    sets, scenes, spaces = schema.feature_sets, schema.scenes, schema.embedding_spaces
    count = select(func.count()).where(schema.regions.c.feature_set_id == sets.c.id)
    query = (
        select(
            sets, schema.datasets.c.name.label("dataset"), scenes.c.name.label("scene"), schema.recipes.c.body,
            spaces.c.name.label("space"), spaces.c.dim, spaces.c.digest, spaces.c.logit_scale,
            count.where(schema.regions.c.level == "object").scalar_subquery().label("object_count"),
            count.where(schema.regions.c.level == "superpoint").scalar_subquery().label("superpoint_count"),
            count.where(schema.regions.c.id == schema.region_crops.c.region_id).scalar_subquery().label("crop_count"),
        )
        .join_from(sets, scenes).join(schema.datasets).join(spaces, spaces.c.id == sets.c.embedding_space_id)
        .join(schema.recipes)
        .order_by(schema.datasets.c.name, scenes.c.name, sets.c.name)
    )  # fmt: skip
    if scene_id is not None:
        query = query.where(sets.c.scene_id == scene_id)
    with store.connect() as connection:
        return [_feature_set_info(row) for row in connection.execute(query)]


def find_feature_set(store: Database, scene: SceneInfo, name: str | None = None) -> FeatureSetInfo:
    """The scene's feature set of that name, or its only one."""
    held = feature_sets(store, scene.id)
    named = [found for found in held if name in (None, found.name)]
    if len(named) == 1:
        return named[0]
    known = ", ".join(found.name for found in held)
    if not held:
        raise NotFound(f"{scene.full_name} has no features yet. See: ovstore ingest --help")
    if name is None:
        said = f"{scene.full_name} has {len(held)} feature sets: choose one with --features: {known}."
    else:
        said = f"{scene.full_name} has no features named {name!r}. It has: {known}."
    raise NotFound(said, near=[found.name for found in held])


def feature_kinds(store: Database) -> list[FeatureKind]:
    """What can be asked, the kind that covers most scenes first."""
    sets, spaces = schema.feature_sets, schema.embedding_spaces
    newest = select(schema.recipes.c.body).where(schema.recipes.c.id == func.max(sets.c.recipe_id)).scalar_subquery()
    query = (
        select(sets.c.name, spaces.c.name.label("space"), spaces.c.dim, spaces.c.digest, spaces.c.logit_scale,
               func.count().label("scene_count"), newest.label("recipe"))
        .join_from(sets, spaces).where(sets.c.state == "ready")
        .group_by(sets.c.name, spaces.c.id).order_by(func.count().desc(), sets.c.name, spaces.c.id)
    )  # fmt: skip
    with store.connect() as connection:
        return [FeatureKind(row.name, _space(row), row.scene_count, row.recipe) for row in connection.execute(query)]


def feature_kind(store: Database, name: str | None = None) -> FeatureKind:
    """The feature sets of that name; without one, the kind that covers most scenes. NotFound says what there is."""
    kinds = feature_kinds(store)
    if not kinds:
        raise NotFound("The store has no features yet. Ingest scans first: ovstore ingest --help")
    named = [kind for kind in kinds if name is None or kind.name == name]
    if not named:
        known = sorted({kind.name for kind in kinds})
        raise NotFound(f"No features named {name!r}. There are: {', '.join(known)}.", near=known)
    return named[0]  # most scenes first


def ready_geometry(store: Database, dataset: str, scene: str, recipe: dict[str, Any]) -> int | None:
    """The id of the scene, when its geometry was made by this very recipe and its files are there."""
    query = select(schema.scenes).join_from(schema.scenes, schema.datasets).where(
        schema.datasets.c.name == dataset,
        schema.scenes.c.name == scene,
        schema.scenes.c.geometry_digest == recipe_digest(recipe),
    )  # fmt: skip
    with store.connect() as connection:
        row = connection.execute(query).one_or_none()
        usable = row is not None and _usable(connection, store, row.points_file, row.correspondences_file)
    return int(row.id) if row is not None and usable else None


def ready_feature_set(store: Database, dataset: str, scene: str, name: str, recipe: dict[str, Any]) -> int | None:
    """The id of the scene's feature set of that name, when it was made by this very recipe and its files are there."""
    sets, scenes = schema.feature_sets, schema.scenes
    query = (
        select(sets.c.id, sets.c.features_file, scenes.c.points_file, scenes.c.correspondences_file)
        .join_from(sets, scenes).join(schema.datasets).join(schema.recipes)
        .where(schema.datasets.c.name == dataset, scenes.c.name == scene, sets.c.name == name,
               sets.c.state == "ready", schema.recipes.c.digest == recipe_digest(recipe))
    )  # fmt: skip
    with store.connect() as connection:
        row = connection.execute(query).one_or_none()
        usable = row is not None and _usable(connection, store, *row[1:])
    return int(row.id) if row is not None and usable else None


def points_file(store: Database, scene: SceneInfo) -> PointsFile:
    """The file of a scene's points."""
    return PointsFile(store.file(scene.points_file))


def features_file(store: Database, found: FeatureSetInfo) -> FeaturesFile:
    """The file of a feature set's vectors."""
    return FeaturesFile(store.file(found.features_file), found.space)


def files(store: Database, features: str | None = None) -> dict[str, list[tuple[str, str, Path]]]:
    """(dataset, scene, path) of the Parquet files: points, correspondences, ready features (of one name)."""
    sets = [found for found in feature_sets(store) if found.state == "ready" and features in (None, found.name)]
    held = scenes(store)
    return {
        "points": [(found.dataset, found.name, store.file(found.points_file)) for found in held],
        "correspondences": [(found.dataset, found.name, store.file(found.correspondences_file)) for found in held],
        "features": [(found.dataset, found.scene, store.file(found.features_file)) for found in sets],
    }


def damaged_files(store: Database) -> dict[Path, str]:
    """The files that were found damaged when they were last examined (`ovstore doctor --contents`), and how."""
    with store.connect() as connection:
        return {store.file(name): problem for name, problem in file_digests.damaged(connection).items()}


def label_names(store: Database) -> dict[tuple[str, str], dict[int, str]]:
    """What the labels of each scene mean, by (dataset, scene)."""
    query = select(schema.datasets.c.name, schema.scenes.c.name, schema.scenes.c.label_names).join_from(
        schema.scenes, schema.datasets
    )
    with store.connect() as connection:
        return {(row[0], row[1]): {int(key): name for key, name in row[2].items()} for row in connection.execute(query)}


def _scene_query() -> Select[Any]:
    sets = schema.feature_sets
    names = select(func.array_agg(sets.c.name)).where(sets.c.scene_id == schema.scenes.c.id).scalar_subquery()
    return select(
        schema.scenes, schema.datasets.c.name.label("dataset"), schema.datasets.c.format, names.label("features")
    ).join_from(schema.scenes, schema.datasets)


def _scene_info(row: Row[Any]) -> SceneInfo:
    values = {name: row._mapping[name] for name in SceneInfo.__annotations__}
    arrays = {name: tuple(values[name] or ()) for name in ("box_min", "box_max", "findings")}
    return SceneInfo(**(values | arrays | {"features": tuple(sorted(values["features"] or ()))}))


def _feature_set_info(row: Row[Any]) -> FeatureSetInfo:
    values = {name: row._mapping[name] for name in FeatureSetInfo.__annotations__ if name in row._mapping}
    return FeatureSetInfo(**(values | {"space": _space(row), "space_id": row.embedding_space_id, "recipe": row.body}))


def _space(row: Row[Any]) -> EmbeddingSpace:
    return EmbeddingSpace(row.space, row.dim, row.digest, row.logit_scale)


def _usable(connection: Connection, store: Database, *names: str) -> bool:
    """Whether the files are there, and none of them, nor a mesh beside them, is known to be damaged."""
    known = file_digests.damaged(connection)
    return all(store.file(name).exists() for name in names) and not known.keys() & {
        *names, *(str(faces_path(Path(name))) for name in names)
    }  # fmt: skip


def _no_scene(name: str, dataset: str | None, known: Sequence[tuple[str, str]]) -> NotFound:
    if not known:
        return NotFound(_EMPTY)
    names = [own for within, own in known if dataset in (None, within)]
    names = [*names, *(f"{within}/{own}" for within, own in known)]
    hint = did_you_mean(name, names)
    where = f" in dataset {dataset!r}" if dataset else ""
    return NotFound(f"No scene named {name!r}{where}.{hint} See: ovstore scenes", near=near_names(name, names))


def _no_dataset(name: str, known: Sequence[str]) -> NotFound:
    hint = did_you_mean(name, known)
    said = f"No dataset named {name!r}.{hint} Known: {', '.join(sorted(known)) or 'none yet'}."
    return NotFound(said, near=near_names(name, known))
