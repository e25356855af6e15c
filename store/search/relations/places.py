"""Where hits are: their scenes, and the points of their superpoints, kept in memory up to a bound."""

from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text

from ....core.features import Hit
from ...files import parquet
from ...postgres.database import Database
from ..things.ranking import Ranked
from ..things.shape import box_of
from . import shapes
from .shapes import Shape, deferred_shape, turn

_KEPT = 256 << 20  # bytes of points, of all scenes together

_SCENES = text(
    """
    SELECT feature_sets.id AS feature_set, scenes.id AS scene, datasets.name || '/' || scenes.name AS name, up_axis,
           points_file, features_file, box_min, box_max
    FROM feature_sets JOIN scenes ON scenes.id = scene_id JOIN datasets ON datasets.id = dataset_id
    WHERE feature_sets.id = ANY(:ids)
    """
)
_VIEWERS = text(
    """
    SELECT scenes.id AS scene, datasets.name AS dataset, scenes.name, up_axis, camera_to_world
    FROM frames JOIN scenes ON scenes.id = scene_id JOIN datasets ON datasets.id = dataset_id
    WHERE frames.name = :frame ORDER BY scenes.id
    """
)


@dataclass(frozen=True)
class Place:
    """The scene of a feature set."""

    scene: int  # database id
    name: str  # DATASET/SCENE
    up_axis: str
    store: Database
    points_file: str  # within the store
    features_file: str
    floor: float  # metres along the up axis: the lowest point

    @property
    def points_path(self) -> Path:
        """Looked at when points are read: of most scenes none are."""
        return self.store.file(self.points_file)

    @property
    def features_path(self) -> Path:
        """As `points_path`."""
        return self.store.file(self.features_file)


@dataclass(frozen=True)
class Viewpoint:
    """Where a frame was taken."""

    scene: int  # database id
    dataset: str
    name: str  # of the scene
    position: NDArray[np.float64]  # (3,) in the frame of `upright`


@dataclass(frozen=True, eq=False)
class _Cloud:
    """The points of a scene by superpoint, or by object."""

    xyz: NDArray[np.float64]  # (N, 3)
    start: NDArray[np.int64]  # (S + 1,) rows of part i are start[i]:start[i + 1]

    @property
    def nbytes(self) -> int:
        return self.xyz.nbytes + self.start.nbytes

    def of(self, parts: Collection[int]) -> NDArray[np.float64]:
        """(K, 3) the points of some parts."""
        return np.concatenate([self.xyz[self.start[one] : self.start[one + 1]] for one in parts])


_clouds: OrderedDict[tuple[Path, Path | None], _Cloud] = OrderedDict()  # a file is never written again under its name
_lock = Lock()


def places(store: Database, feature_sets: Sequence[int]) -> dict[int, Place]:
    """By feature set; those that were replaced a moment ago are left out."""
    with store.connect() as connection:
        rows = connection.execute(_SCENES, {"ids": list(feature_sets)}).all()
    found = {}
    for row in rows:
        upwards = turn(row.up_axis)[2]
        floor = min(float(upwards @ row.box_min), float(upwards @ row.box_max))
        found[row.feature_set] = Place(
            row.scene, row.name, row.up_axis, store, row.points_file, row.features_file, floor
        )
    return found


def viewpoints(store: Database, frame: str) -> list[Viewpoint]:
    """Of all frames with that name."""
    with store.connect() as connection:
        rows = connection.execute(_VIEWERS, {"frame": frame}).all()
    return [
        Viewpoint(row.scene, row.dataset, row.name, turn(row.up_axis) @ np.array(row.camera_to_world)[[3, 7, 11]])
        for row in rows
    ]


def shape_of(found: Hit | Ranked, place: Place) -> Shape:
    """Of a thing or a stored region; boxes of things are made, and points are read, when a predicate needs them."""
    if isinstance(found, Hit):
        return shapes.shape_of(found.oriented_box, place.up_axis, lambda: _points(found, place))
    grown = found.candidate.grown
    assert grown is not None
    tree, leaves = grown.branches.tree, grown.leaves
    return deferred_shape(
        tree.box_min[leaves].min(axis=0),
        tree.box_max[leaves].max(axis=0),
        place.up_axis,
        lambda: box_of(tree, leaves),
        lambda: _cloud(place.points_path).of(tree.superpoint[leaves].tolist()),
    )


def _points(hit: Hit, place: Place) -> NDArray[np.floating]:
    return _cloud(place.points_path, place.features_path).of([hit.ordinal]) if hit.level == "object" else hit.points()


def _cloud(path: Path, features_path: Path | None = None) -> _Cloud:
    """By the objects of a features file, or by superpoint."""
    key = (path, features_path)
    with _lock:
        if key in _clouds:
            _clouds.move_to_end(key)
            return _clouds[key]
    part = parquet.read_superpoints(path)
    if features_path is not None:
        part = parquet.read_objects(features_path, part)
    order = np.argsort(part, kind="stable")
    start = np.searchsorted(part[order], np.arange(int(part.max()) + 2))
    made = _Cloud(parquet.read_xyz(path)[order], start)
    with _lock:
        _clouds[key] = made
        while len(_clouds) > 1 and sum(cloud.nbytes for cloud in _clouds.values()) > _KEPT:
            _clouds.popitem(last=False)
    return made
