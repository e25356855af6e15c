"""Regions: the points of each superpoint and object as one vector, box, label and a few pictures."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput, BadScene
from ...core.features import Correspondence, Level, PointFeatures, Region, RegionFeatures, SceneVectors
from ...core.scene import Frame, PointCloud
from ...core.vectors import unit_rows
from .boxes import boxes
from .prototypes import prototypes
from .sums import farthest, sum_directions
from .views import best_views


@dataclass(frozen=True)
class PoolOptions:
    """What is kept of each region and scene."""

    views: int = 5  # best frames kept of each region
    prototypes: int = 8  # vectors kept of each scene beside its mean

    def __post_init__(self) -> None:
        if self.views < 0 or self.prototypes < 1:
            raise BadInput(f"views is {self.views} and prototypes {self.prototypes}; at least 0 and 1 were expected.")


def pool_regions(
    points: PointCloud,
    superpoint: NDArray[np.int32],
    object_of_superpoint: NDArray[np.int32],
    features: PointFeatures,
    correspondences: Sequence[Correspondence],
    frames: Sequence[Frame],
    options: PoolOptions | None = None,
    up_axis: str = "z",
) -> tuple[RegionFeatures, RegionFeatures]:
    """The regions of both levels, superpoints first; the two partition the points, and those nobody saw have no row.

    A region's vector is the mean of its points' unit vectors, at unit length. An object's is thus the mean of its
    superpoints' means before they are brought to unit length, each weighed by its seen points.

    The radius bounds what a region can hide: for every unit vector q and every point p of the region,
    cosine(q, p) <= q . vector + radius, the rounding of both stored vectors and of float32 sums included.
    """
    options = options or PoolOptions()
    levels: tuple[tuple[Level, NDArray[np.int32]], ...] = (
        ("superpoint", superpoint),
        ("object", object_of_superpoint[superpoint]),
    )
    below, above = (
        _pool_level(level, region, points, features, correspondences, frames, options, up_axis)
        for level, region in levels
    )
    return below, above


def pool_scene(
    features: PointFeatures, regions: Sequence[RegionFeatures], options: PoolOptions | None = None
) -> SceneVectors:
    """The mean of all points' unit vectors, and prototypes of the objects, each object weighed by its seen points."""
    options = options or PoolOptions()
    total = sum_directions(features.vectors, np.zeros(len(features.vectors), np.int32), 1)[0]
    mean = unit_rows(total)[0].astype(np.float16)
    if not mean.any():
        raise BadScene("No frame sees a point of this scene: check poses, intrinsics and the depth scale.")
    coarsest = regions[-1]
    weight = np.array([region.seen_count for region in coarsest.regions], np.float64)
    centres, mass = prototypes(coarsest.vectors.astype(np.float32), weight, options.prototypes)
    return SceneVectors(features.space, mean, centres.astype(np.float16), (mass / mass.sum()).astype(np.float32))


def _pool_level(
    level: Level,
    region: NDArray[np.int32],  # (N,) 0..R-1
    points: PointCloud,
    features: PointFeatures,
    correspondences: Sequence[Correspondence],
    frames: Sequence[Frame],
    options: PoolOptions,
    up_axis: str,
) -> RegionFeatures:
    size = np.bincount(region)
    member = region[features.point_index]
    sums, seen = sum_directions(features.vectors, member, len(size))
    vectors = unit_rows(sums).astype(np.float16)
    rounding = features.space.dim * np.finfo(np.float32).eps  # no float32 sum of dim products is off by more
    radius = (farthest(features.vectors, member, vectors) + rounding).astype(np.float32)
    centres = np.stack([np.bincount(region, axis) for axis in points.xyz.T], axis=1) / size[:, None]
    around = boxes(points.xyz, region, len(size), up_axis)
    labels = _labels(region, len(size), points)
    kept = np.flatnonzero(vectors.any(axis=1))
    row = np.full(len(size), -1, np.int32)
    row[kept] = np.arange(len(kept))
    views = best_views(row[region], centres[kept], correspondences, frames, options.views)
    regions = tuple(
        Region(
            level,
            ordinal,
            int(size[ordinal]),
            int(seen[ordinal]),
            centres[ordinal],
            around.box_min[ordinal],
            around.box_max[ordinal],
            around.oriented[ordinal],
            float(radius[ordinal]),
            labels[ordinal],
            shown,
        )
        for ordinal, shown in zip(kept.tolist(), views, strict=True)
    )
    return RegionFeatures(features.space, level, regions, vectors[kept])


def _labels(region: NDArray[np.int32], region_count: int, points: PointCloud) -> list[str | None]:
    """What the dataset says most of each region's points are; None where most are unlabelled, ties to the lowest."""
    if points.labels is None or not points.label_names:
        return [None] * region_count
    known, label = np.unique(points.labels, return_inverse=True)
    pair, votes = np.unique(region.astype(np.int64) * len(known) + label.reshape(-1), return_counts=True)
    order = np.lexsort((pair, -votes, pair // len(known)))
    first = order[np.diff(pair[order] // len(known), prepend=-1) > 0]
    return [points.label_names.get(key) for key in known[pair[first] % len(known)].tolist()]
