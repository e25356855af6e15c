"""What scans say is there: the labelled things of each scene, and how well regions fit them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..store import catalog, loading, parquet
from ..store.catalog import FeatureSetInfo, SceneInfo
from ..store.database import Store
from ..store.features import LEVELS, Level
from .label_map import map_labels
from .label_set import LabelClass, LabelSet


@dataclass(frozen=True)
class SceneThings:
    """The things of one scene: the points of a label that are one instance.

    Points of a label without an instance are one thing together.
    """

    label: NDArray[np.int32]  # (T,) class of each thing
    of_point: NDArray[np.int32]  # (N,) the thing of each point in the store's order, -1 for none
    superpoint: NDArray[np.int32]  # (N,)

    @property
    def points(self) -> NDArray[np.int64]:
        """(T,) of each thing."""
        return np.bincount(self.of_point[self.of_point >= 0], minlength=len(self.label))


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
    """The things with certain labels in all scenes."""

    label: NDArray[np.int32]  # (T,)
    points: NDArray[np.int64]  # (T,)
    seen: NDArray[np.int64]  # (T,) points that have a vector
    fits: dict[Level, Fits]

    def rows(self, label: int) -> NDArray[np.intp]:
        """Those of one label."""
        return np.flatnonzero(self.label == label)


def own_labels(store: Store, scenes: Sequence[SceneInfo]) -> LabelSet:
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


def label_points(store: Store, scenes: Sequence[SceneInfo], label_set: LabelSet) -> NDArray[np.int64]:
    """(C, S) points of each class in each scene; zeros for a scene without labels."""
    counts = np.zeros((len(label_set.classes), len(scenes)), np.int64)
    for place, scene in enumerate(scenes):
        labels, names = loading.load_labels(store, scene.id)
        if labels is not None:
            index = map_labels(label_set, labels, names).index
            counts[:, place] = np.bincount(index[index >= 0], minlength=len(counts))
    return counts


def scene_things(store: Store, scene: SceneInfo, label_set: LabelSet) -> SceneThings:
    """All labelled things of a scene."""
    points, superpoint, _ = catalog.load_points(store, scene.id)
    of_point = np.full(len(points), -1, np.int32)
    if points.labels is None:
        return SceneThings(np.empty(0, np.int32), of_point, superpoint)
    label = map_labels(label_set, points.labels, points.label_names).index
    instance = np.full(len(label), -1, np.int32) if points.instances is None else np.maximum(points.instances, -1)
    inside = label >= 0
    width = int(instance.max(initial=0)) + 2
    cells, number = np.unique(label[inside].astype(np.int64) * width + instance[inside] + 1, return_inverse=True)
    of_point[inside] = number
    return SceneThings((cells // width).astype(np.int32), of_point, superpoint)


def find_things(
    store: Store,
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
        things = _only(scene_things(store, scene, label_set), wanted)
        if not len(things.label):
            continue
        path = store.file(features.features_file)
        seen_index, _ = parquet.read_feature_regions(path)
        seen = things.of_point[seen_index]
        regions: dict[Level, NDArray[np.int32]] = {
            "superpoint": things.superpoint, "object": parquet.read_objects(path, things.superpoint)
        }  # fmt: skip
        parts.append(
            Things(
                things.label,
                things.points,
                np.bincount(seen[seen >= 0], minlength=len(things.label)),
                {level: _fits(store, features, level, regions[level], things, first) for level in LEVELS},
            )
        )
        first += len(things.label)
    return _joined(parts)


def pair_ious(
    first: NDArray[np.integer], second: NDArray[np.integer]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Of two partitions of (N,) points (-1: in no part): the pairs of parts that share a point, and their IoU."""
    width = int(second.max(initial=0)) + 1
    both = (first >= 0) & (second >= 0)
    cells, shared = np.unique(first[both].astype(np.int64) * width + second[both], return_counts=True)
    left, right = cells // width, cells % width
    size_left = np.bincount(first[first >= 0], minlength=1)[left]
    size_right = np.bincount(second[second >= 0], minlength=1)[right]
    return left, right, shared / (size_left + size_right - shared)


def _only(things: SceneThings, wanted: NDArray[np.bool_]) -> SceneThings:
    kept = wanted[things.label]
    number = np.append(np.where(kept, np.cumsum(kept) - 1, -1), -1).astype(np.int32)  # the last row answers -1
    return SceneThings(things.label[kept], number[things.of_point], things.superpoint)


def _fits(
    store: Store, features: FeatureSetInfo, level: Level, region: NDArray[np.int32], things: SceneThings, first: int
) -> Fits:
    """The pairs of one scene, whose things are numbered from `first`; a superpoint that nobody saw is no region."""
    id_of = {
        found.ordinal: found.id
        for found in catalog.regions(store, features.scene_id, level)
        if found.feature_set_id == features.id
    }
    ordinal, thing, iou = pair_ious(region, things.of_point)
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
