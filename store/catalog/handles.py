"""Handles: a scene and a feature set of the store, of which nothing is read before it is asked for.

Points have two orders. "scan" is the dataset's own: point i is row i of the scan's file, as in exports, predictions and
labels of other tools, and therefore the default. "stored" is the order of the store's files and of the column
point_index in SQL (Morton order: neighbours in space are neighbours in the file); it saves the reordering.
A handle has one order, which all of its arrays follow; `in_order` gives the same handle with the other.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.annotated import check_fields, checked
from ...core.errors import BadInput, NotFound
from ...core.features import EmbeddingSpace, Level
from ...core.paging import Page
from ...core.scene import Frame, PointCloud
from ...core.things import ThingTree
from ..files.parquet import RowGroup
from ..files.readers import FeaturesFile
from ..files.stored_points import Order
from ..postgres import thing_trees
from ..postgres.database import Database
from . import catalog, loading
from .catalog import FeatureSetInfo, SceneInfo, SceneOrder
from .regions import Order as RegionOrder
from .regions import RegionInfo

Rows = Sequence[int] | NDArray[Any]  # of points: whole numbers, or a mask of all


@dataclass(frozen=True, repr=False)
class SceneHandle:
    """A scene of the store."""

    store: Database
    info: SceneInfo  # what the catalog said when the handle was made
    order: Order = "scan"

    def __post_init__(self) -> None:
        check_fields(self)

    def __len__(self) -> int:
        """How many points it has."""
        return self.info.point_count

    def __repr__(self) -> str:
        return f"<scene {self.full_name!r}, {len(self):,} points, order {self.order!r}>"

    @property
    def name(self) -> str:
        """Its name in its dataset."""
        return self.info.name

    @property
    def full_name(self) -> str:
        """Its name in the store: "dataset/scene"."""
        return self.info.full_name

    @checked
    def in_order(self, order: Order) -> "SceneHandle":
        """The same scene with its points in that order."""
        return replace(self, order=order)

    @checked
    def points(self, order: Order | None = None) -> PointCloud:
        """The cloud, in the handle's order unless another is named."""
        held = loading.load_points(self.store, self.info.id)
        return held.points if (order or self.order) == "stored" else held.in_scan_order()

    @property
    def row_groups(self) -> tuple[RowGroup, ...]:
        """The parts in which its points are stored, each with its rows in stored order and the box that they lie in."""
        return loading.row_groups(self.store, self.info.id)

    @checked
    def point_columns(self, columns: Sequence[str], row_groups: Sequence[int] | None = None) -> dict[str, NDArray[Any]]:
        """Columns of the points' file by name ("x", "y", "z", "r", "superpoint" ...), in stored order whatever the
        handle's, of all rows or those of some row groups; nothing else is read. docs/sql.md lists the columns.
        """
        return loading.load_points(self.store, self.info.id, columns=columns, row_groups=row_groups)

    @property
    def superpoints(self) -> NDArray[np.int32]:
        """(N,) the superpoint of each point."""
        return self._ordered(loading.load_superpoints(self.store, self.info.id))

    @property
    def frames(self) -> tuple[Frame, ...]:
        """The posed images, in their order."""
        return loading.load_frames(self.store, self.info.id)

    @checked
    def regions(
        self,
        level: Level = "object",
        *,
        feature_set: str | None = None,
        after: str | None = None,
        limit: int | None = None,
        order: RegionOrder = "-points",
        details: bool = False,
    ) -> Page[RegionInfo]:
        """The regions of all of its feature sets, or of one, at one level, those with most points first.

        With `limit` a page, whose `next` is the `after` of the following one. With `details` each has its views (frame,
        pixel box, camera), and a superpoint its `parent` object.
        """
        return catalog.regions(
            self.store, self.info.id, level, feature_set=feature_set, after=after, limit=limit, order=order,
            details=details,
        )  # fmt: skip

    @checked
    def features(self, name: str | None = None) -> "FeatureSetHandle":
        """The feature set of that name, or the only one."""
        return FeatureSetHandle(self, catalog.find_feature_set(self.store, self.info, name))

    def tree(self, features: str | None = None) -> ThingTree:
        """How the superpoints merge into things in the feature set of that name, or in the only one."""
        return self.features(features).tree()

    @property
    def feature_sets(self) -> list["FeatureSetHandle"]:
        """All of its feature sets, by name."""
        return [FeatureSetHandle(self, found) for found in catalog.feature_sets(self.store, self.info.id)]

    @checked
    def rows_of_scan(self, rows: Rows) -> NDArray[np.integer]:
        """The rows in the scan's own order of points with these rows, which may also be a mask of all."""
        wanted = whole_rows(rows, len(self))
        return wanted if self.order == "scan" else loading.load_original_index(self.store, self.info.id)[wanted]

    def _ordered(self, column: NDArray[Any]) -> NDArray[Any]:
        """A column in stored order, in the handle's."""
        if self.order == "stored":
            return column
        in_scan = np.empty_like(column)
        in_scan[self._row_of_stored()] = column
        return in_scan

    def _row_of_stored(self) -> NDArray[np.int32]:
        """(N,) the handle's row of each point in stored order."""
        if self.order == "stored":
            return np.arange(len(self), dtype=np.int32)
        return loading.load_original_index(self.store, self.info.id)


@dataclass(frozen=True, repr=False)
class FeatureSetHandle:
    """The vectors of one scene by one recipe; rows are those of the scene's points in the scene's order."""

    scene: SceneHandle
    info: FeatureSetInfo  # what the catalog said when the handle was made

    def __post_init__(self) -> None:
        check_fields(self)

    def __repr__(self) -> str:
        held = f"{self.info.point_count:,} vectors of {self.space.name}"
        return f"<features {self.name!r} of {self.scene.full_name!r}, {held}>"

    @property
    def name(self) -> str:
        """What it is called within its scene."""
        return self.info.name

    @property
    def space(self) -> EmbeddingSpace:
        """Where its vectors may be compared."""
        return self.info.space

    @property
    def recipe(self) -> dict[str, Any]:
        """Everything that decides its numbers."""
        return self.info.recipe

    @checked
    def in_order(self, order: Order) -> "FeatureSetHandle":
        """The same features with rows of points in that order."""
        return replace(self, scene=self.scene.in_order(order))

    @property
    def seen(self) -> NDArray[np.bool_]:
        """(N,) which points have a vector."""
        with self._file() as file:
            of_stored = np.zeros(len(self.scene), np.bool_)
            of_stored[file.point_index()] = True
        return self.scene._ordered(of_stored)

    @property
    def view_counts(self) -> NDArray[np.int32]:
        """(N,) how many frames saw each point; 0 for points without a vector."""
        with self._file() as file:
            return self.scene._ordered(file.view_counts(len(self.scene)))

    @checked
    def region_of_points(self, level: Level = "object") -> NDArray[np.int32]:
        """(N,) the ordinal of the region that each point belongs to; -1 for objects that no frame saw."""
        with self._file() as file:
            return file.regions(level, self.scene.superpoints)

    def tree(self) -> ThingTree:
        """How its superpoints merge into things; NotFound where it was made by an earlier version, which made none."""
        with self.scene.store.autocommit() as connection:
            tree = thing_trees.load(connection, self.info.id)
        if tree is not None:
            return tree
        if not self._is_held():
            raise self._gone()
        raise NotFound(
            f"The features {self.name!r} of {self.scene.full_name} have no tree of things: ovstore doctor --repair "
            "makes one."
        )

    @checked
    def regions(self, level: Level = "object") -> list[RegionInfo]:
        """Its regions at one level, those with most points first."""
        found = [region for region in self.scene.regions(level) if region.feature_set_id == self.info.id]
        if not self._is_held():
            raise self._gone()
        return found

    @property
    def object_of_superpoint(self) -> NDArray[np.int32]:
        """(S,) the object that each superpoint of the scene belongs to; -1 for superpoints that no frame saw."""
        return loading.load_object_of_superpoint(self.scene.store, self.scene.info.id, self.name)

    @checked
    def vectors(self, rows: Rows | None = None) -> NDArray[np.float16]:
        """(N, C), or (len(rows), C) of some points: unit vectors, nan for points without one.

        Of some points, only the parts of the file are read that hold them; `rows` may also be a mask of all points.
        """
        if rows is None:
            everything = np.full((len(self.scene), self.space.dim), np.nan, np.float16)
            for points, vectors in self.blocks():
                everything[points] = vectors
            return everything
        wanted = whole_rows(rows, len(self.scene))
        with self._file() as file:
            point_index = file.point_index()
            row_in_file = np.full(len(self.scene), -1, np.int64)
            row_in_file[self.scene._row_of_stored()[point_index]] = np.arange(len(point_index))
            found = row_in_file[wanted]
            some = np.full((len(wanted), self.space.dim), np.nan, np.float16)
            some[found >= 0] = file.vectors_at(found[found >= 0])
        return some

    def blocks(self) -> Iterator[tuple[NDArray[np.int32], NDArray[np.float16]]]:
        """All vectors, a few thousand at a time: (K,) rows of points, and their (K, C) vectors.

        They come as they lie in the file, the points of a region together. Memory is that of a block, and 4 bytes for
        each point of the scene.
        """
        row_of_stored = self.scene._row_of_stored()
        with self._file() as file:
            for point_index, vectors in file.blocks():
                yield row_of_stored[point_index], vectors

    @contextmanager
    def _file(self) -> Iterator[FeaturesFile]:
        """NotFound where the feature set was replaced or forgotten since the handle was made."""
        try:
            yield catalog.features_file(self.scene.store, self.info)
        except BadInput as error:
            if self._is_held():
                raise
            raise self._gone() from error

    def _is_held(self) -> bool:
        held = catalog.feature_sets(self.scene.store, self.info.scene_id)
        return any((one.id, one.features_file) == (self.info.id, self.info.features_file) for one in held)

    def _gone(self) -> NotFound:
        return NotFound(
            f"The features {self.name!r} of {self.scene.full_name} were replaced or forgotten since this handle was "
            "made: ask the store for them again."
        )


def whole_rows(rows: Rows, count: int) -> NDArray[np.int64]:
    """Rows of `count` points as numbers; BadInput for what names no point."""
    given = np.asarray(rows)
    if given.dtype == np.bool_:
        if given.shape != (count,):
            raise BadInput(f"A mask of shape {given.shape} was given; the scene has {count:,} points.")
        return np.flatnonzero(given)
    if given.size == 0:
        return np.empty(0, np.int64)
    if given.ndim != 1 or given.dtype.kind not in "iu":
        raise BadInput(f"Rows of points are whole numbers in one dimension, not {given.dtype} of shape {given.shape}.")
    if given.min() < 0 or given.max() >= count:
        wrong = given.min() if given.min() < 0 else given.max()
        raise BadInput(f"There is no point {wrong}: the scene has {count:,}, numbered from 0.")
    return given.astype(np.int64)


def scene_handles(
    store: Database,
    dataset: str | None = None,
    split: str | None = None,
    order: Order = "scan",
    *,
    sort: SceneOrder = "name",
    after: str | None = None,
    limit: int | None = None,
) -> Page[SceneHandle]:
    """All scenes, or those of one dataset or split, or a page of them."""
    held = catalog.scenes(store, dataset, split=split, sort=sort, after=after, limit=limit)
    return Page((SceneHandle(store, scene, order) for scene in held), held.next, held.total)


def scene_handle(store: Database, name: str, order: Order = "scan") -> SceneHandle:
    """The scene called "scene" or "dataset/scene"."""
    return SceneHandle(store, catalog.find_scene(store, name), order)
