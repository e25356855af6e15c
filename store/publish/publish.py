"""What ingest found becomes the store's: files first, under new names, then one transaction that names them.

A crash at any moment leaves the store as it was, and at most files that no row names: the next publishing of the same
scene removes them, `verify` finds them. Publishing what is there already, equal in recipe and content, changes nothing
but the paths of the images; its files are read first, and those that do not hold what was published are written anew
under the rows that are there.
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

from ...core.digests import recipe_digest
from ...core.errors import BadInput, NotFound
from ...core.features import LEVELS, Correspondence, EmbeddingSpace, PointFeatures, RegionFeatures, SceneVectors
from ...core.files import flush_folder, make_folder, remove, written_for
from ...core.scene import Scene
from ...core.things import ThingTree
from ..catalog import file_digests, leases, region_names
from ..catalog.contents import features_content, geometry_content
from ..catalog.readback import features_now, geometry_now, is_sound
from ..catalog.regions import regions_of, scene_vectors_of
from ..files import parquet, places
from ..files.columns import Columns
from ..postgres import locks, thing_trees
from ..postgres.database import Database
from ..postgres.schema import datasets, embedding_spaces, feature_sets, recipes, scenes
from . import fingerprints, rows
from .agreement import check_features, check_geometry, check_regions
from .fingerprints import Fingerprint
from .pairs import RegionPair, insert_pairs


class Publishing:
    """Geometry and features that become the store's together, in one transaction: see `publishing`."""

    def __init__(self, store: Database, connection: Connection) -> None:
        self._store, self._connection = store, connection
        self._written: list[Path] = []
        self._replaced: dict[str, int | None] = {}  # relative to the store; retired with the transaction

    def geometry(
        self,
        dataset: str,
        format: str,
        scene: Scene,
        superpoint: NDArray[np.int32],
        original_index: NDArray[np.int32],
        correspondences: Sequence[Correspondence],
        recipe: dict[str, Any],
        anew: bool = False,
    ) -> int:
        """The scene's id. `superpoint` (N,) and `original_index` (N,) belong to scene.points, in Morton order.

        Another geometry of the same dataset and name is replaced together with its feature sets, which were made of it;
        with `anew` an equal one as well, since its images are others.
        """
        check_geometry(scene, superpoint, original_index, correspondences)
        made = recipe_digest(recipe)
        content = geometry_content(
            scene.points, superpoint, original_index, scene.frames, correspondences, scene.up_axis
        )
        store, connection = self._store, self._connection
        locks.scene(connection, dataset, scene.name)
        old = _scene(connection, (datasets.c.name == dataset) & (scenes.c.name == scene.name))
        self._remove_strays(dataset, scene.name, old)
        same = old and not anew and (old.geometry_digest, old.content_digest) == (made, content)
        kept = old if old and same else None
        if kept is not None:
            rows.update_scene(connection, store.path, kept.id, scene, correspondences)
            held = store.file(kept.points_file), store.file(kept.correspondences_file)
            names = file_digests.of_scene(store, kept.points_file, kept.correspondences_file)
            written = not file_digests.examine(connection, store, names)
            if written and is_sound(partial(geometry_now, *held, scene.frames, scene.up_axis), content):
                file_digests.note(connection, store, names, scene_id=kept.id)
                return int(kept.id)
        folder = places.new_scene(dataset, scene.name)
        files = {
            "points_file": places.points_file(folder),
            "correspondences_file": places.correspondences_file(folder),
        }
        path = self._new(folder)
        make_folder(path)
        parquet.write_points(store.file(files["points_file"]), scene.points, superpoint, original_index)
        parquet.write_correspondences(store.file(files["correspondences_file"]), correspondences)
        flush_folder(path.parent)
        if kept is not None:  # its files are damaged; the feature sets that stand on it are not
            self._replaced[places.scene_folder(kept.points_file)] = None
            connection.execute(update(scenes).where(scenes.c.id == kept.id).values(files))
            file_digests.note(connection, store, file_digests.of_scene(store, *files.values()), scene_id=kept.id)
            return int(kept.id)
        if old is not None:
            self._replaced |= _files_of(connection, old)
            sets = connection.scalars(select(feature_sets.c.id).where(feature_sets.c.scene_id == old.id)).all()
            region_names.retire(connection, sets)
            connection.execute(delete(scenes).where(scenes.c.id == old.id))
        values = files | {
            "dataset_id": _dataset_id(connection, dataset, format),
            "geometry": recipe,
            "geometry_digest": made,
            "content_digest": content,
        }
        scene_id = rows.insert_scene(connection, store.path, scene, correspondences, values)
        file_digests.note(connection, store, file_digests.of_scene(store, *files.values()), scene_id=scene_id)
        return scene_id

    def features(
        self,
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

        A feature set of the same name is replaced: a name means one thing. Those of other names stay, equal or not.
        """
        for other in (features.space, scene_vectors.space, *(of_level.space for of_level in regions)):
            space.require_same(other)
        store, connection = self._store, self._connection
        scene = _locked_scene(connection, scene_id)
        self._remove_strays(scene.dataset, scene.name, scene)
        superpoint = parquet.read_superpoints(store.file(scene.points_file))
        check_features(features, superpoint, object_of_superpoint)
        columns = parquet.feature_columns(features, superpoint, object_of_superpoint)
        content = features_content(columns, regions, scene_vectors)
        old = _feature_set(connection, scene_id, name)
        same = old and (old.recipe_digest, old.content_digest) == (recipe_digest(recipe), content)
        kept = old if old and same else None
        if kept is not None and not is_sound(partial(_content_of_rows, connection, kept.id, space, columns), content):
            kept = None  # somebody changed its regions: all of it is written anew
        del columns
        if kept is not None:
            held = store.file(kept.features_file)
            written = not file_digests.examine(connection, store, [kept.features_file])
            if written and is_sound(partial(features_now, held, regions, scene_vectors), content):
                file_digests.note(connection, store, [kept.features_file], feature_set_id=kept.id)
                return int(kept.id)
        file = places.new_features(scene.dataset, scene.name, name)
        path = self._new(file)
        make_folder(path.parent)
        ranges = parquet.write_features(path, features, superpoint, object_of_superpoint)
        check_regions(regions, ranges)
        if old is not None:
            self._replaced[old.features_file] = None
        if kept is not None:
            connection.execute(update(feature_sets).where(feature_sets.c.id == kept.id).values(features_file=file))
            file_digests.note(connection, store, [file], feature_set_id=kept.id)
            return int(kept.id)
        if old is not None:
            region_names.retire(connection, [old.id])
            connection.execute(delete(feature_sets).where(feature_sets.c.id == old.id))
        space_id = _space_id(connection, space)
        values = {
            "scene_id": scene_id,
            "embedding_space_id": space_id,
            "recipe_id": rows.recipe_id(connection, recipe),
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
        file_digests.note(connection, store, [file], feature_set_id=feature_set_id)
        rows.insert_regions(connection, feature_set_id, scene_id, space_id, regions, ranges)
        rows.insert_scene_vectors(connection, feature_set_id, space_id, scene_vectors)
        return feature_set_id

    def pairs(self, feature_set_id: int, pairs: Sequence[RegionPair], within: float) -> None:
        """How the objects of a feature set stand to one another: all pairs up to `within` metres."""
        insert_pairs(self._connection, feature_set_id, pairs, within)

    def tree(self, feature_set_id: int, tree: ThingTree) -> None:
        """How the superpoints of a feature set merge into things."""
        thing_trees.keep(self._connection, feature_set_id, tree)

    def remember(self, files: Fingerprint, *, scene_id: int | None = None, feature_set_id: int | None = None) -> None:
        """What a scene, or the maps of a feature set, were read from."""
        fingerprints.keep(self._connection, files, scene_id=scene_id, feature_set_id=feature_set_id)

    def moved(self, scene_id: int, before: str, files: Fingerprint) -> None:
        """The scene's files lie elsewhere now, and are equal to those at `before`."""
        rows.move_scene(self._connection, scene_id, Path(before), Path(files.place))
        self.remember(files, scene_id=scene_id)

    def _new(self, file: str) -> Path:
        """The path of a file or folder that is removed again unless the transaction comes to its end."""
        path = self._store.file(file)
        self._written.append(path)
        return path

    def _remove_strays(self, dataset: str, name: str, scene: Row[Any] | None) -> None:
        """What publishers of this scene left who were killed; under the scene's lock no other is at work."""
        files = _files_of(self._connection, scene) if scene is not None else {}
        needed = (*files, *self._replaced, *leases.still_read(self._connection))  # the replaced ones until the commit
        named = {self._store.file(file) for file in needed}
        for place in places.PUBLISHED:
            for path in written_for(self._store.file(place), dataset, name):
                if path not in named and path not in self._written:
                    remove(path)


@contextmanager
def publishing(store: Database) -> Iterator[Publishing]:
    """All that is published in the block becomes the store's at its end, or nothing does."""
    store.require_writable()
    with store.connect() as connection:
        locks.publishing(connection)
        at = Publishing(store, connection)
        try:
            yield at
            leases.retire(connection, at._replaced)
        except BaseException:  # before the commit: one that fails may have happened, and then the files are needed
            for path in at._written:
                remove(path)
            raise
    if at._replaced:
        leases.sweep(store)


def publish_geometry(
    store: Database,
    dataset: str,
    format: str,
    scene: Scene,
    superpoint: NDArray[np.int32],
    original_index: NDArray[np.int32],
    correspondences: Sequence[Correspondence],
    recipe: dict[str, Any],
) -> int:
    """`Publishing.geometry` in a transaction of its own."""
    with publishing(store) as at:
        return at.geometry(dataset, format, scene, superpoint, original_index, correspondences, recipe)


def publish_features(
    store: Database,
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
    """`Publishing.features` in a transaction of its own."""
    with publishing(store) as at:
        return at.features(
            scene_id, name, space, recipe, source, features, object_of_superpoint, regions, scene_vectors
        )


def _content_of_rows(connection: Connection, feature_set_id: int, space: EmbeddingSpace, columns: Columns) -> str:
    """The digest of a feature set's rows together with the columns that its file should hold."""
    regions = [regions_of(connection, feature_set_id, space, level) for level in LEVELS]
    return features_content(columns, regions, scene_vectors_of(connection, feature_set_id, space))


def _locked_scene(connection: Connection, scene_id: int) -> Row[Any]:
    """The scene, which nobody else publishes until the end of the transaction."""
    scene = _scene(connection, scenes.c.id == scene_id)
    if scene is not None:
        locks.scene(connection, scene.dataset, scene.name)
        scene = _scene(connection, scenes.c.id == scene_id)  # it may have been replaced while its lock was waited for
    if scene is None:
        raise NotFound(f"Scene {scene_id} was replaced or forgotten in the meantime; ingest it again.")
    return scene


def _scene(connection: Connection, condition: ColumnElement[bool]) -> Row[Any] | None:
    columns = (datasets.c.name.label("dataset"), scenes)
    return connection.execute(select(*columns).join_from(scenes, datasets).where(condition)).one_or_none()


def _feature_set(connection: Connection, scene_id: int, name: str) -> Row[Any] | None:
    """The one that a new feature set of that name stands in for."""
    columns = (feature_sets, recipes.c.digest.label("recipe_digest"))
    query = select(*columns).join_from(feature_sets, recipes).where(feature_sets.c.scene_id == scene_id)
    return connection.execute(query.where(feature_sets.c.name == name)).one_or_none()


def _files_of(connection: Connection, scene: Row[Any]) -> dict[str, int | None]:
    """The folder of the geometry, with the scene's id, and the files of the feature sets."""
    query = select(feature_sets.c.features_file).where(feature_sets.c.scene_id == scene.id)
    folder = places.scene_folder(scene.points_file)
    return {folder: scene.id, **dict.fromkeys(connection.execute(query).scalars())}


def _dataset_id(connection: Connection, name: str, format: str) -> int:
    connection.execute(insert_or_keep(datasets).values(name=name, format=format).on_conflict_do_nothing())
    found = connection.execute(select(datasets.c.id, datasets.c.format).where(datasets.c.name == name)).one()
    if found.format != format:
        raise BadInput(
            f"Dataset {name!r} contains scans in the format {found.format!r}, these are {format!r}: choose another "
            f"dataset name (ovstore ingest {format} PATH --name NAME)."
        )
    return int(found.id)


def _space_id(connection: Connection, space: EmbeddingSpace) -> int:
    values = {**space.key, "logit_scale": float(space.logit_scale)}
    connection.execute(insert_or_keep(embedding_spaces).values(values).on_conflict_do_nothing())
    query = select(embedding_spaces.c.id).filter_by(**space.key)
    return int(connection.execute(query).scalar_one())
