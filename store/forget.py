"""Scenes and feature sets leave the store: their rows in one transaction, then the files that only they named."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, delete, select

from . import locks, schema
from .catalog import FeatureSetInfo, SceneInfo
from .database import Store
from .files import remove, size_of
from .schema import datasets, feature_sets, frames, recipes


@dataclass(frozen=True)
class Forgotten:
    """What went."""

    scenes: int
    feature_sets: int
    bytes: int


def forget_scenes(store: Store, gone: Sequence[SceneInfo]) -> Forgotten:
    """Scenes with all that was made from them, their jobs, and their pictures where the store unpacked them."""
    ids = [scene.id for scene in gone]
    with store.connect() as connection:
        locks.removing(connection)
        sets = connection.execute(select(feature_sets.c.features_file).where(feature_sets.c.scene_id.in_(ids)))
        files = [store.file(file) for file in sets.scalars()]
        files += [store.file(scene.points_file).parent for scene in gone]
        pictures = [store.file(path) for path in _own_pictures(connection, ids)]
        count = connection.execute(delete(schema.scenes).where(schema.scenes.c.id.in_(ids))).rowcount
        for scene in gone:
            connection.execute(delete(schema.jobs).filter_by(dataset=scene.dataset, scene=scene.name))
        held = select(schema.scenes.c.id).where(schema.scenes.c.dataset_id == datasets.c.id)
        connection.execute(delete(datasets).where(~held.exists()))
        _forget_recipes(connection)
    freed = _remove([*files, *pictures])
    for folder in {picture.parent for picture in pictures}:
        _remove_empty(folder, store.path)
    return Forgotten(count, len(files) - len(gone), freed)


def forget_features(store: Store, gone: Sequence[FeatureSetInfo]) -> Forgotten:
    """Feature sets; the geometry of their scenes stays."""
    with store.connect() as connection:
        locks.removing(connection)
        ids = [found.id for found in gone]
        count = connection.execute(delete(feature_sets).where(feature_sets.c.id.in_(ids))).rowcount
        _forget_recipes(connection)
    return Forgotten(0, count, _remove([store.file(found.features_file) for found in gone]))


def _own_pictures(connection: Connection, scene_ids: Sequence[int]) -> set[str]:
    """Pictures below the store's folder that frames of these scenes name, and no others."""
    own: set[str] = set()
    for column in (frames.c.image_path, frames.c.depth_path):
        inside = select(column).where(column.is_not(None), ~column.startswith("/"))
        theirs = inside.where(frames.c.scene_id.in_(scene_ids))
        own |= set(connection.execute(theirs.except_(inside.where(frames.c.scene_id.not_in(scene_ids)))).scalars())
    return own


def _forget_recipes(connection: Connection) -> None:
    used = select(feature_sets.c.id).where(feature_sets.c.recipe_id == recipes.c.id)
    connection.execute(delete(recipes).where(~used.exists()))


def _remove(paths: Sequence[Path]) -> int:
    freed = sum(size_of(path) for path in paths)
    for path in paths:
        remove(path)
    return freed


def _remove_empty(folder: Path, root: Path) -> None:
    while folder != root and folder.is_relative_to(root) and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
