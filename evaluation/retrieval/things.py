"""What scans say is there: their labelled things, and how well regions fit them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.errors import NotFound
from ...core.features import LEVELS, Level
from ...core.wording import counted
from ...store.catalog import catalog, loading
from ...store.catalog.catalog import FeatureSetInfo, SceneInfo
from ...store.postgres.database import Database
from ..instances.instances import Instances, instances_of, shared_points
from ..labels.label_map import map_labels
from ..labels.label_set import LabelClass, LabelSet


@dataclass(frozen=True)
class Fits:
    """Every pair of a region and a thing that share a point."""

    region: NDArray[np.int64]  # (K,) database ids
    thing: NDArray[np.int64]  # (K,) rows of `Things`
    iou: NDArray[np.float64]  # (K,) of points

    def of(self, things: NDArray[np.integer]) -> "Fits":
        """The pairs of some things."""
        own = np.isin(self.thing, things)
        return Fits(self.region[own], self.thing[own], self.iou[own])


@dataclass(frozen=True)
class Things:
    """Those with certain labels in all scenes."""

    label: NDArray[np.int32]  # (T,)
    points: NDArray[np.int64]  # (T,)
    seen: NDArray[np.int64]  # (T,) points that have a vector
    fits: dict[Level, Fits]

    def rows(self, label: int) -> NDArray[np.intp]:
        """Those of one label."""
        return np.flatnonzero(self.label == label)


def own_labels(store: Database, scenes: Sequence[SceneInfo]) -> LabelSet:
    """The names that the scans themselves give, each a class that is asked for by its name."""
    names = sorted(
        {name for scene in scenes for name in loading.load_labels(store, scene.id)[1].values() if name.strip()}
    )
    black = (0, 0, 0)
    classes = tuple(
        LabelClass(name, number, black, words=(name.replace("_", " "),)) for number, name in enumerate(names)
    )
    raw = {name: number for number, name in enumerate(names)}
    return LabelSet("the scans' own labels", "", "", "", "", "", None, classes, raw)


def label_points(store: Database, scenes: Sequence[SceneInfo], label_set: LabelSet) -> NDArray[np.int64]:
    """(C, S) points of each class in each scene, zeros for a scene without labels; NotFound when all are."""
    counts = np.zeros((len(label_set.classes), len(scenes)), np.int64)
    for place, scene in enumerate(scenes):
        labels, names = loading.load_labels(store, scene.id)
        if labels is not None:
            index = map_labels(label_set, labels, names).index
            counts[:, place] = np.bincount(index[index >= 0], minlength=len(counts))
    if not counts.any():
        raise NotFound(f"No point of {counted(len(scenes), 'scene')} has a label that is one of {label_set.name}.")
    return counts


def scene_things(
    store: Database, scene: SceneInfo, label_set: LabelSet, wanted: NDArray[np.bool_]
) -> tuple[Instances, NDArray[np.int32]]:
    """The things of a scene whose class is `wanted` (C,), and the superpoint (N,) of each point.

    Points of a label that are in no instance are one thing together.
    """
    held = catalog.load_points(store, scene.id)
    points = held.points
    nowhere = np.full(len(points), -1, np.int32)
    label = nowhere if points.labels is None else map_labels(label_set, points.labels, points.label_names).index
    instance = nowhere if points.instances is None else np.maximum(points.instances, -1)
    return instances_of(label, instance + 1, wanted), held.superpoint


def find_things(
    store: Database,
    scenes: Sequence[SceneInfo],
    sets: Sequence[FeatureSetInfo],
    label_set: LabelSet,
    wanted: NDArray[np.bool_],
) -> Things:
    """The things whose class is `wanted` (C,), with the regions of `sets`, one a scene, that touch them.

    A region is all points of its superpoints, whether a frame saw them or not.
    """
    parts = [_nothing()]
    first = 0
    for scene, features in zip(scenes, sets, strict=True):
        things, superpoint = scene_things(store, scene, label_set, wanted)
        if not len(things.index):
            continue
        file = catalog.features_file(store, features)
        seen = things.of_point[file.point_index()]
        regions = {level: file.regions(level, superpoint) for level in LEVELS}
        parts.append(
            Things(
                things.index,
                things.size,
                np.bincount(seen[seen >= 0], minlength=len(things.index)),
                {level: _fits(store, features, level, regions[level], things, first) for level in LEVELS},
            )
        )
        first += len(things.index)
    return _joined(parts)


def _fits(
    store: Database, features: FeatureSetInfo, level: Level, region: NDArray[np.int32], things: Instances, first: int
) -> Fits:
    """The pairs of one scene, whose things are numbered from `first`; a superpoint that nobody saw is no region."""
    id_of = {
        found.ordinal: found.id
        for found in catalog.regions(store, features.scene_id, level)
        if found.feature_set_id == features.id
    }
    ordinal, thing, shared = shared_points(region, things.of_point)
    region_size = np.bincount(region[region >= 0], minlength=1)
    iou = shared / (region_size[ordinal] + things.size[thing] - shared)
    ids = np.array([id_of.get(number, -1) for number in ordinal.tolist()], np.int64)
    held = ids >= 0
    return Fits(ids[held], thing[held] + first, iou[held])


def _nothing() -> Things:
    none = np.empty(0, np.int64)
    return Things(np.empty(0, np.int32), none, none, {level: Fits(none, none, np.empty(0)) for level in LEVELS})


def _joined(parts: Sequence[Things]) -> Things:
    return Things(
        np.concatenate([part.label for part in parts]),
        np.concatenate([part.points for part in parts]),
        np.concatenate([part.seen for part in parts]),
        {
            level: Fits(
                np.concatenate([part.fits[level].region for part in parts]),
                np.concatenate([part.fits[level].thing for part in parts]),
                np.concatenate([part.fits[level].iou for part in parts]),
            )
            for level in LEVELS
        },
    )
