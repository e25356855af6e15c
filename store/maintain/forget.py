"""Scenes and feature sets leave the store: their rows in one transaction, then the files that only they named."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, delete, select

from ...core.errors import BadInput
from ...core.files import remove, size_of
from ..catalog import crop_sets as crops
from ..catalog import jobs, leases, region_names
from ..catalog.catalog import FeatureSetInfo, SceneInfo
from ..files import places
from ..postgres import locks, schema
from ..postgres.database import Database
from ..postgres.schema import crop_sets, datasets, feature_sets, recipes


@dataclass(frozen=True)
class Forgotten:
    """What went."""

    scenes: int
    feature_sets: int
    bytes: int
    waiting: bool  # somebody reads: the files go when that is done
    crop_sets: int = 0  # feature sets that lost their vectors from crops alone


def forget_scenes(store: Database, gone: Sequence[SceneInfo]) -> Forgotten:
    """Scenes with all that was made from them, their jobs, and their pictures where the store unpacked them."""
    ids = [scene.id for scene in gone]
    store.require_writable()
    with store.connect() as connection:
        locks.removing(connection)
        _require_idle(connection, gone)
        sets = connection.execute(select(feature_sets.c.features_file).where(feature_sets.c.scene_id.in_(ids)))
        files: dict[str, int | None] = dict.fromkeys(sets.scalars())
        files |= {places.scene_folder(scene.points_file): scene.id for scene in gone}
        made = connection.scalars(select(feature_sets.c.id).where(feature_sets.c.scene_id.in_(ids))).all()
        region_names.retire(connection, made, forgotten=True)
        count = connection.execute(delete(schema.scenes).where(schema.scenes.c.id.in_(ids))).rowcount
        for scene in gone:
            connection.execute(delete(schema.jobs).filter_by(dataset=scene.dataset, scene=scene.name))
        _forget_empty_datasets(connection)
        _forget_recipes(connection)
        # Under the lock: once it is free, the same scene may be ingested again into the same folder.
        freed = _remove([store.unpacked_entry(scene.dataset, scene.name) for scene in gone])
        freed += _retire(store, connection, files)
    return Forgotten(count, len(files) - len(gone), freed, not leases.sweep(store))


def forget_features(store: Database, gone: Sequence[FeatureSetInfo]) -> Forgotten:
    """Feature sets; the geometry of their scenes stays."""
    store.require_writable()
    with store.connect() as connection:
        locks.removing(connection)
        ids = [found.id for found in gone]
        region_names.retire(connection, ids, forgotten=True)
        count = connection.execute(delete(feature_sets).where(feature_sets.c.id.in_(ids))).rowcount
        _forget_recipes(connection)
        freed = _retire(store, connection, {found.features_file: None for found in gone})
    return Forgotten(0, count, freed, not leases.sweep(store))


def forget_crops(store: Database, gone: Sequence[FeatureSetInfo]) -> Forgotten:
    """The vectors of their objects from crops; the feature sets stay."""
    store.require_writable()
    with store.connect() as connection:
        locks.removing(connection)
        count = crops.remove(connection, [found.id for found in gone])
        _forget_recipes(connection)
    return Forgotten(0, 0, 0, False, count)


def forget_refused(store: Database, job_id: int) -> None:
    """What a failed job leaves of a scene that has no features: the geometry it published, the pictures it unpacked."""
    scenes = schema.scenes
    store.require_writable()
    with store.connect() as connection:
        locks.removing(connection)
        job = connection.execute(select(schema.jobs).filter_by(id=job_id)).one()
        of_scene = (datasets.c.name == job.dataset) & (scenes.c.name == job.scene)
        used = select(feature_sets.c.id).where(feature_sets.c.scene_id == scenes.c.id).exists()
        query = select(scenes.c.id, scenes.c.points_file, ((scenes.c.created_at < job.started_at) | used).label("kept"))
        left = connection.execute(query.join_from(scenes, datasets).where(of_scene)).one_or_none()
        at_work = {(other.dataset, other.scene) for other in jobs.running_now(connection) if other.state == "running"}
        if (job.dataset, job.scene) in at_work or (left is not None and left.kept):
            return
        if left is not None:
            connection.execute(delete(scenes).filter_by(id=left.id))
            _forget_empty_datasets(connection)
        _remove([store.unpacked_entry(job.dataset, job.scene)])
    _remove([] if left is None else [store.file(places.scene_folder(left.points_file))])


def _forget_empty_datasets(connection: Connection) -> None:
    held = select(schema.scenes.c.id).where(schema.scenes.c.dataset_id == datasets.c.id)
    connection.execute(delete(datasets).where(~held.exists()))


def _require_idle(connection: Connection, gone: Sequence[SceneInfo]) -> None:
    names = {(scene.dataset, scene.name) for scene in gone}
    for job in jobs.running_now(connection):
        if job.state == "running" and (job.dataset, job.scene) in names:
            raise BadInput(
                f"{job.dataset}/{job.scene} is being ingested by {job.worker}: wait for it, or stop it first."
            )


def _forget_recipes(connection: Connection) -> None:
    used = [select(table.c.recipe_id).where(table.c.recipe_id == recipes.c.id) for table in (feature_sets, crop_sets)]
    connection.execute(delete(recipes).where(*(~of_table.exists() for of_table in used)))


def _retire(store: Database, connection: Connection, files: Mapping[str, int | None]) -> int:
    """They go after the transaction, or after those who read them; returns their bytes."""
    leases.retire(connection, files)
    return sum(size_of(store.entry(file)) for file in files)


def _remove(paths: Sequence[Path]) -> int:
    freed = sum(size_of(path) for path in paths)
    for path in paths:
        remove(path)
    return freed
