"""Scenes full of regions that look like what networks see: a few common things, many rare ones, noise. Shared by tests.

A point is a thing's direction plus noise, all around a direction that everything has in common, as CLIP vectors are;
`word(thing)` is a text vector for it: small cosines, best for its own regions.
"""

from dataclasses import dataclass, field
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

POINTS_A_SUPERPOINT = 3
SUPERPOINTS_AN_OBJECT = 2


def unit(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    """Rows at unit length."""
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


@dataclass
class Crowd:
    """Makes and publishes scenes; `thing_of` remembers what each object of each scene is."""

    dim: int = 32
    things: int = 40
    seed: int = 0
    noise: float = 0.5  # length of a point's deviation, about
    name: str = "toy/crowd"
    thing_of: dict[str, NDArray[np.intp]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        random = np.random.default_rng(self.seed)
        self.space = EmbeddingSpace(self.name, self.dim, "", logit_scale=20.0)
        self.common = unit(random.normal(size=self.dim))
        self.direction = unit(random.normal(size=(self.things, self.dim)))

    def word(self, thing: int) -> NDArray[np.float32]:
        """A text vector: the thing's direction, away from what all pictures have in common."""
        return unit(self.direction[thing] - 0.5 * self.common)

    def words(self) -> NDArray[np.float32]:
        """(things, dim)"""
        return np.stack([self.word(thing) for thing in range(self.things)])

    def publish(
        self, store: Database, scene: str, objects: int = 30, dataset: str = "crowd", features: str = "toy"
    ) -> int:
        """One scene of `objects` objects; returns the feature set's id."""
        random = np.random.default_rng([self.seed, *scene.encode()])
        share = 1 / np.arange(1, self.things + 1)
        thing = random.choice(self.things, objects, p=share / share.sum())
        self.thing_of[scene] = thing
        object_of_superpoint = np.repeat(np.arange(objects, dtype=np.int32), SUPERPOINTS_AN_OBJECT)
        superpoint = np.repeat(np.arange(len(object_of_superpoint), dtype=np.int32), POINTS_A_SUPERPOINT)
        of_object = object_of_superpoint[superpoint]
        centre = random.uniform(0, 8, size=(objects, 3))
        xyz = centre[of_object] + random.normal(scale=0.1, size=(len(superpoint), 3))
        noise = random.normal(scale=self.noise / np.sqrt(self.dim), size=(len(superpoint), self.dim))
        vectors = unit(self.common + self.direction[thing[of_object]] + noise).astype(np.float16)

        index = np.arange(len(xyz), dtype=np.int32)
        seen = Correspondence(0, index, np.full((len(xyz), 2), 5, np.float32), np.ones(len(xyz), np.float32))
        frame = Frame("0", Camera(64, 48, 50, 50, 31.5, 23.5), np.eye(4), Path("/pictures/0.jpg"))
        scan = Scene(scene, (frame,), PointCloud(xyz), source="made")
        scene_id = publish.publish_geometry(store, dataset, "rgbd", scan, superpoint, index, [seen], {"made": 1})
        points = PointFeatures(self.space, index, vectors, np.ones(len(xyz), np.int32))
        levels = tuple(
            self._pooled(level, ordinal, xyz, vectors, thing, of_object)
            for level, ordinal in (("superpoint", superpoint), ("object", of_object))
        )
        mean = unit(vectors.astype(np.float32).mean(axis=0)).astype(np.float16)
        whole = SceneVectors(self.space, mean, mean[None], np.ones(1, np.float32))
        recipe = {"encoder": {"name": self.name, "options": {}}, "features": features}
        return publish.publish_features(
            store, scene_id, features, self.space, recipe, "fused", points, object_of_superpoint, levels, whole
        )

    def _pooled(
        self,
        level: Level,
        ordinal: NDArray[np.int32],
        xyz: NDArray[np.float64],
        vectors: NDArray[np.float16],
        thing: NDArray[np.intp],
        of_object: NDArray[np.int32],
    ) -> RegionFeatures:
        regions, means = [], []
        for number in np.unique(ordinal):
            own = ordinal == number
            mean = unit(vectors[own].astype(np.float32).mean(axis=0))
            low, high = xyz[own].min(axis=0), xyz[own].max(axis=0)
            box = OrientedBox((low + high) / 2, np.eye(3), high - low)
            radius = float(np.linalg.norm(vectors[own].astype(np.float32) - mean, axis=1).max())
            label = f"thing {thing[of_object[own][0]]}"
            views = (RegionView(0, (1.0, 2.0, 30.5, 40.0), int(own.sum())),)
            count = int(own.sum())
            regions.append(
                Region(level, int(number), count, count, xyz[own].mean(axis=0), low, high, box, radius, label, views)
            )
            means.append(mean)
        return RegionFeatures(self.space, level, tuple(regions), np.stack(means).astype(np.float16))
