"""Scenes of vectors to search: things of 200 kinds, few of them common, whose points agree as those of a real scan do.

A point's vector is what all pictures share, its thing's direction (a group's and its own), and deviations of its
object, its superpoint and itself. A kind's text vector lies apart from all of them: small cosines, as in CLIP.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from ovstore.core.features import (
    Correspondence,
    EmbeddingSpace,
    Level,
    OrientedBox,
    PointFeatures,
    Region,
    RegionFeatures,
    RegionView,
    SceneVectors,
)
from ovstore.core.scene import Camera, Frame, PointCloud, Scene
from ovstore.store.postgres.database import Database
from ovstore.store.publish import publish

KINDS, GROUPS = 200, 20
FRAMES = 5
CAMERA = Camera(640, 480, 577.9, 577.9, 319.5, 239.5)


@dataclass(frozen=True)
class Size:
    """How much is searched."""

    scenes: int
    points: int  # a scene
    superpoints: int
    objects: int
    dim: int


@dataclass(frozen=True)
class VectorScene:
    """One scene: points in the order of their superpoints."""

    name: str
    vectors: NDArray[np.float16]  # (N, dim) unit length
    superpoint: NDArray[np.int32]  # (N,) ascending
    object_of_superpoint: NDArray[np.int32]  # (S,) ascending
    kind_of_object: NDArray[np.intp]  # (O,)


class World:
    """What the kinds look like."""

    def __init__(self, size: Size, seed: int = 0) -> None:
        random = np.random.default_rng(seed)
        self.size, self.seed = size, seed
        self.space = EmbeddingSpace("bench/made", size.dim, "")
        self._common = _unit(random.normal(size=size.dim))
        group = _unit(random.normal(size=(GROUPS, size.dim)))[np.arange(KINDS) % GROUPS]
        self._direction = _unit(0.8 * group + _unit(random.normal(size=(KINDS, size.dim))))
        gap = _unit(random.normal(size=size.dim))
        self.texts = _unit(0.5 * self._direction + gap - 0.3 * self._common)  # (KINDS, dim) float32, one a kind

    def scene(self, number: int) -> VectorScene:
        """The same every time."""
        size, random = self.size, np.random.default_rng([self.seed, number])
        share = 1 / np.arange(1, KINDS + 1)
        kind = random.choice(KINDS, size.objects, p=share / share.sum())
        object_of_superpoint = np.sort(random.integers(0, size.objects, size.superpoints)).astype(np.int32)
        object_of_superpoint[: size.objects] = np.arange(size.objects)  # no object without a superpoint
        object_of_superpoint.sort()
        superpoint = np.concatenate(
            [np.arange(size.superpoints), random.integers(0, size.superpoints, size.points - size.superpoints)]
        )
        superpoint = np.sort(superpoint).astype(np.int32)
        of_object = object_of_superpoint[superpoint]
        vectors = self._noise(random, 0.35, size.points)
        vectors += self._noise(random, 0.4, size.superpoints)[superpoint]
        vectors += (self._noise(random, 0.35, size.objects) + self._direction[kind])[of_object]
        vectors += self._common
        return VectorScene(
            f"scene_{number:04d}", _unit(vectors).astype(np.float16), superpoint, object_of_superpoint, kind
        )

    def _noise(self, random: np.random.Generator, length: float, rows: int) -> NDArray[np.float32]:
        return random.standard_normal((rows, self.size.dim), np.float32) * np.float32(length / np.sqrt(self.size.dim))


def publish_scene(store: Database, space: EmbeddingSpace, scene: VectorScene) -> None:
    """As ingest would, with a cloud of random places and pictures that do not exist."""
    count = len(scene.vectors)
    random = np.random.default_rng(len(scene.name))
    xyz = random.uniform(0, 6, (count, 3))
    frames = tuple(Frame(str(n), CAMERA, np.eye(4), Path(f"/pictures/{n}.jpg")) for n in range(FRAMES))
    index = np.arange(count, dtype=np.int32)
    seen = [Correspondence(n, index[:50], np.ones((50, 2), np.float32), np.ones(50, np.float32)) for n in range(FRAMES)]
    scan = Scene(scene.name, frames, PointCloud(xyz), source="made")
    scene_id = publish.publish_geometry(
        store, "bench", "made", scan, scene.superpoint, index, seen, {"made": scene.name}
    )
    features = PointFeatures(space, index, scene.vectors, np.ones(count, np.int32))
    of_object = scene.object_of_superpoint[scene.superpoint]
    levels = [
        _pooled(space, "superpoint", scene.superpoint, scene, xyz),
        _pooled(space, "object", of_object, scene, xyz),
    ]
    mean = _unit(scene.vectors.mean(axis=0, dtype=np.float32)).astype(np.float16)
    whole = SceneVectors(space, mean, mean[None], np.ones(1, np.float32))
    publish.publish_features(
        store, scene_id, "made", space, {"encoder": {"name": "made", "options": {}}}, "fused", features,
        scene.object_of_superpoint, levels, whole,
    )  # fmt: skip


def _pooled(
    space: EmbeddingSpace, level: Level, region: NDArray[np.int32], scene: VectorScene, xyz: NDArray[np.float64]
) -> RegionFeatures:
    """`region` is (N,) ascending."""
    ordinals, first, counts = np.unique(region, return_index=True, return_counts=True)
    wide = scene.vectors.astype(np.float32)
    means = _unit(np.add.reduceat(wide, first))
    radius = np.sqrt(np.maximum.reduceat(((wide - means[region]) ** 2).sum(axis=1), first))
    low, high = np.minimum.reduceat(xyz, first), np.maximum.reduceat(xyz, first)
    regions = tuple(
        Region(
            level, int(ordinal), int(counts[n]), int(counts[n]), (low[n] + high[n]) / 2, low[n], high[n],
            OrientedBox((low[n] + high[n]) / 2, np.eye(3), high[n] - low[n]), float(radius[n]), None,
            tuple(RegionView(frame, (10.0, 20.0, 200.0, 220.0), int(counts[n])) for frame in range(3)),
        )
        for n, ordinal in enumerate(ordinals)
    )  # fmt: skip
    return RegionFeatures(space, level, regions, means.astype(np.float16))


def _unit(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)
