"""What ingest found becomes the store's: files first, under new names, then one transaction that names them.

A crash at any moment leaves the store as it was, and at most files that no row names (`verify` finds them). Publishing
what is there already, equal in recipe and content, changes nothing but the paths of the pictures; its files are read
first, and those that do not hold what was published are written anew under the rows that are there.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_keep

from . import locks, parquet, rows
from .agreement import check_features, check_geometry, check_regions
from .codecs import Columns
from .contents import features_content, geometry_content
from .database import Store
from .digests import recipe_digest
from .errors import BadInput, NotFound
from .features import LEVELS, Correspondence, EmbeddingSpace, PointFeatures, RegionFeatures, SceneVectors
from .files import flush_folder, remove, unique_name
from .readback import features_now, geometry_now, is_sound
from .region_catalog import regions_of, scene_vectors_of
from .scene import Scene
from .schema import datasets, embedding_spaces, feature_sets, recipes, scenes


def publish_geometry(
    store: Store,
    dataset: str,
    format: str,
    scene: Scene,
    superpoint: NDArray[np.int32],
    original_index: NDArray[np.int32],
    correspondences: Sequence[Correspondence],
    recipe: dict[str, Any],
) -> int:
    """The scene's id. `superpoint` (N,) and `original_index` (N,) belong to scene.points, which are in Morton order.

    Another geometry of the same dataset and name is replaced together with its feature sets, which were made from it.
    """
    check_geometry(scene, superpoint, original_index, correspondences)
    made = recipe_digest(recipe)
    content = geometry_content(scene.points, superpoint, original_index, scene.frames, correspondences, scene.up_axis)
    with store.connect() as connection:
        locks.publishing(connection)
        locks.scene(connection, dataset, scene.name)
        old = _scene(connection, (datasets.c.name == dataset) & (scenes.c.name == scene.name))
        same = old and (old.geometry_digest, old.content_digest) == (made, content)
        kept = old if old and same and rows.count_frames(connection, old.id) == len(scene.frames) else None
        if kept is not None:
            rows.update_scene(connection, store.path, kept.id, scene)
            held = store.file(kept.points_file), store.file(kept.correspondences_file)
            if is_sound(partial(geometry_now, *held, scene.frames, scene.up_axis), content):
                return int(kept.id)
        folder = f"scenes/{unique_name(dataset, scene.name)}"
        files = {
            "points_file": f"{folder}/points.parquet",
            "correspondences_file": f"{folder}/correspondences.parquet",
        }
        with _kept_if_published(store.file(folder)) as path:
            path.mkdir(parents=True)
            parquet.write_points(path / "points.parquet", scene.points, superpoint, original_index)
            parquet.write_correspondences(path / "correspondences.parquet", correspondences)
            flush_folder(path.parent)
            if kept is not None:  # its files are damaged; the feature sets that stand on it are not
                scene_id, replaced = int(kept.id), [str(Path(kept.points_file).parent)]
                connection.execute(update(scenes).where(scenes.c.id == scene_id).values(files))
            else:
                replaced = [] if old is None else _files_of(connection, old)
                if old is not None:
                    connection.execute(delete(scenes).where(scenes.c.id == old.id))
                values = files | {
                    "dataset_id": _dataset_id(connection, dataset, format),
                    "geometry": recipe,
                    "geometry_digest": made,
                    "content_digest": content,
                }
                scene_id = rows.insert_scene(connection, store.path, scene, correspondences, values)
    for file in replaced:
        remove(store.file(file))
    return scene_id


def publish_features(
    store: Store,
    scene_id: int,
    name: str,
    space: EmbeddingSpace,
    recipe: dict[str, Any],
    source: Literal["fused", "distilled", "imported"],
    features: PointFeatures,
    object_of_superpoint: NDArray[np.int32],
    regions: Sequence[RegionFeatures],
    scene_vectors: SceneVectors,
) -> int:
    """The feature set's id. `regions` are of both levels, every region with a seen point among them.

    A feature set of the same name, or by the same recipe, is replaced: a name means one thing.
    """
    for other in (features.space, scene_vectors.space, *(of_level.space for of_level in regions)):
        space.require_same(other)
    with store.connect() as connection:
        locks.publishing(connection)
        scene = _locked_scene(connection, scene_id)
        superpoint = parquet.read_superpoints(store.file(scene.points_file))
        check_features(features, superpoint, object_of_superpoint)
        columns = parquet.feature_columns(features, superpoint, object_of_superpoint)
        content = features_content(columns, regions, scene_vectors)
        olds = _feature_sets(connection, scene_id, name, recipe_digest(recipe))
        same = (name, recipe_digest(recipe), content)
        kept = next((old for old in olds if (old.name, old.recipe_digest, old.content_digest) == same), None)
        if kept is not None and not is_sound(partial(_content_of_rows, connection, kept.id, space, columns), content):
            kept = None  # somebody changed its regions: all of it is written anew
        del columns
        if kept is not None:
            held = store.file(kept.features_file)
            if is_sound(partial(features_now, held, regions, scene_vectors), content):
                return int(kept.id)
        file = f"features/{unique_name(scene.dataset, scene.name, name)}.parquet"
        with _kept_if_published(store.file(file)) as path:
            path.parent.mkdir(parents=True, exist_ok=True)
            ranges = parquet.write_features(path, features, superpoint, object_of_superpoint)
            check_regions(regions, ranges)
            if kept is not None:
                connection.execute(update(feature_sets).where(feature_sets.c.id == kept.id).values(features_file=file))
                olds = [kept]
                feature_set_id = int(kept.id)
            else:
                connection.execute(delete(feature_sets).where(feature_sets.c.id.in_([old.id for old in olds])))
                space_id = _space_id(connection, space)
                values = {
                    "scene_id": scene_id,
                    "embedding_space_id": space_id,
                    "recipe_id": _recipe_id(connection, recipe),
                    "name": name,
                    "source": source,
                    "state": "ready",
                    "features_file": file,
                    "point_count": len(features.point_index),
                    "content_digest": content,
                }
                locks.region_ids(connection)
                inserted = insert(feature_sets).values(values).returning(feature_sets.c.id)
                feature_set_id = int(connection.execute(inserted).scalar_one())
                rows.insert_regions(connection, feature_set_id, scene_id, space_id, regions, ranges)
                rows.insert_scene_vectors(connection, feature_set_id, space_id, scene_vectors)
    for old in olds:
        remove(store.file(old.features_file))
    return feature_set_id


def _content_of_rows(connection: Connection, feature_set_id: int, space: EmbeddingSpace, columns: Columns) -> str:
    """The digest of a feature set's rows together with the columns that its file should hold."""
    regions = [regions_of(connection, feature_set_id, space, level) for level in LEVELS]
    return features_content(columns, regions, scene_vectors_of(connection, feature_set_id, space))


@contextmanager
def _kept_if_published(path: Path) -> Iterator[Path]:
    """Removes the new file or folder when writing it, or the rows that name it, fails.

    To be left before the commit: one that fails may have happened, and then the file is needed.
    """
    try:
        yield path
    except BaseException:
        remove(path)
        raise


def _locked_scene(connection: Connection, scene_id: int) -> Row[Any]:
    """The scene, which nobody else publishes until the end of the transaction."""
    scene = _scene(connection, scenes.c.id == scene_id)
    if scene is not None:
        locks.scene(connection, scene.dataset, scene.name)
        scene = _scene(connection, scenes.c.id == scene_id)  # it may have been replaced while its lock was waited for
    if scene is None:
        raise NotFound(f"Scene {scene_id} was replaced or forgotten meanwhile; ingest it again.")
    return scene


def _scene(connection: Connection, condition: ColumnElement[bool]) -> Row[Any] | None:
    columns = (datasets.c.name.label("dataset"), scenes)
    return connection.execute(select(*columns).join_from(scenes, datasets).where(condition)).one_or_none()


def _feature_sets(connection: Connection, scene_id: int, name: str, digest: str) -> Sequence[Row[Any]]:
    """Those that a new feature set of that name and recipe stands in for."""
    same = (feature_sets.c.name == name) | (recipes.c.digest == digest)
    columns = (feature_sets, recipes.c.digest.label("recipe_digest"))
    query = select(*columns).join_from(feature_sets, recipes).where(feature_sets.c.scene_id == scene_id, same)
    return connection.execute(query).all()


def _files_of(connection: Connection, scene: Row[Any]) -> list[str]:
    """The folder of the geometry and the files of the feature sets."""
    query = select(feature_sets.c.features_file).where(feature_sets.c.scene_id == scene.id)
    return [str(Path(scene.points_file).parent), *connection.execute(query).scalars()]


def _dataset_id(connection: Connection, name: str, format: str) -> int:
    connection.execute(insert_or_keep(datasets).values(name=name, format=format).on_conflict_do_nothing())
    found = connection.execute(select(datasets.c.id, datasets.c.format).where(datasets.c.name == name)).one()
    if found.format != format:
        raise BadInput(
            f"Dataset {name!r} holds scans in the format {found.format!r}, these are {format!r}: "
            f"give them another dataset name (ovstore ingest {format} PATH --name NAME)."
        )
    return int(found.id)


def _space_id(connection: Connection, space: EmbeddingSpace) -> int:
    values = {"name": space.name, "dim": space.dim, "digest": space.digest, "logit_scale": float(space.logit_scale)}
    connection.execute(insert_or_keep(embedding_spaces).values(values).on_conflict_do_nothing())
    query = select(embedding_spaces.c.id).filter_by(name=space.name, dim=space.dim, digest=space.digest)
    return int(connection.execute(query).scalar_one())


def _recipe_id(connection: Connection, recipe: dict[str, Any]) -> int:
    digest = recipe_digest(recipe)
    connection.execute(insert_or_keep(recipes).values(digest=digest, body=recipe).on_conflict_do_nothing())
    return int(connection.execute(select(recipes.c.id).where(recipes.c.digest == digest)).scalar_one())
