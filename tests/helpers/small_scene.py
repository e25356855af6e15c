"""A small scene with features and regions of random numbers, consistent enough to be published. Shared by tests."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ovstore.core.features import (
    LEVELS,
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

SPACE = EmbeddingSpace("toy/16", 16, "")
POINTS, FRAMES, SUPERPOINTS, OBJECTS = 600, 3, 12, 4
GEOMETRY = {"visibility": {"depth_tolerance": 0.05}}
FEATURES = {"encoder": {"name": "toy", "options": {}}}


@dataclass(frozen=True)
class Small:
    """Everything the two publish functions take."""

    scene: Scene
    superpoint: NDArray[np.int32]
    original_index: NDArray[np.int32]
    correspondences: list[Correspondence]
    features: PointFeatures
    object_of_superpoint: NDArray[np.int32]
    regions: tuple[RegionFeatures, ...]
    scene_vectors: SceneVectors

    def publish_geometry(self, store: Database, dataset: str = "scans", recipe: dict[str, Any] = GEOMETRY) -> int:
        """Into `dataset`, which came by the reader rgbd."""
        return publish.publish_geometry(
            store, dataset, "rgbd", self.scene, self.superpoint, self.original_index, self.correspondences, recipe
        )

    def publish_features(
        self, store: Database, scene_id: int, name: str = "toy", recipe: dict[str, Any] = FEATURES
    ) -> int:
        """As a fused feature set."""
        return publish.publish_features(
            store, scene_id, name, self.features.space, recipe, "fused",
            self.features, self.object_of_superpoint, self.regions, self.scene_vectors,
        )  # fmt: skip

    def publish(self, store: Database, dataset: str = "scans") -> tuple[int, int]:
        """Both; returns the ids of scene and feature set."""
        scene_id = self.publish_geometry(store, dataset)
        return scene_id, self.publish_features(store, scene_id)


def make(name: str = "room", seed: int = 0, pictures: Path = Path("/pictures"), space: EmbeddingSpace = SPACE) -> Small:
    """Equal arguments give equal numbers."""
    rng = np.random.default_rng(seed)
    superpoint = np.sort(rng.integers(0, SUPERPOINTS, POINTS)).astype(np.int32)
    object_of_superpoint = np.arange(SUPERPOINTS, dtype=np.int32) % OBJECTS
    seen = np.flatnonzero(rng.random(POINTS) < 0.8).astype(np.int32)
    points = PointCloud(
        xyz=rng.normal(size=(POINTS, 3)),
        rgb=rng.integers(0, 256, (POINTS, 3), dtype=np.uint8),
        labels=rng.integers(-1, 3, POINTS).astype(np.int32),
        label_names={0: "chair", 1: "table", 2: "Sofa für zwei"},
        faces=rng.integers(0, POINTS, (900, 3)).astype(np.int32),
    )
    camera = Camera(640, 480, 500.0, 500.5, 319.5, 239.5)
    frames = tuple(
        Frame(
            f"{number:06d}", camera, np.eye(4), pictures / f"{number}.jpg", pictures / f"{number}.png", camera, 1000.0,
            timestamp=None if number else 0.25,
        )
        for number in range(FRAMES)
    )  # fmt: skip
    scene = Scene(name, frames, points, "/scans/" + name, "train", findings=("1 of 4 frames skipped: no pose",))
    of_frame = [np.array_split(seen, FRAMES)[number] for number in range(FRAMES)]
    correspondences = [
        Correspondence(number, index, rng.random((len(index), 2), np.float32), rng.random(len(index), np.float32))
        for number, index in enumerate(of_frame)
    ]
    features = PointFeatures(space, seen, _unit(rng, len(seen), space.dim), rng.integers(1, 9, len(seen), np.int32))
    of_level: dict[Level, NDArray[np.int32]] = {
        "superpoint": superpoint, "object": object_of_superpoint[superpoint]
    }  # fmt: skip
    regions = tuple(_regions(rng, level, of_level[level], seen, points, space) for level in LEVELS)
    vectors = SceneVectors(
        space, _unit(rng, 1, space.dim)[0], _unit(rng, 2, space.dim), np.array([0.75, 0.1], np.float32)
    )
    order = rng.permutation(POINTS).astype(np.int32)
    return Small(scene, superpoint, order, correspondences, features, object_of_superpoint, regions, vectors)


def publish_two(store: Database, folder: Path) -> Database:
    """`store` with two scenes, room and hall, whose pictures exist below `folder`."""
    for name, seed in (("room", 0), ("hall", 1)):
        pictures = folder / name
        pictures.mkdir()
        (pictures / "0.jpg").touch()
        make(name, seed, pictures).publish(store)
    return store


def with_features(small: Small, features: PointFeatures) -> Small:
    """The same scene with those features; its regions are the same, and count their seen points anew."""
    seen = features.point_index
    of_seen = {"superpoint": small.superpoint[seen], "object": small.object_of_superpoint[small.superpoint[seen]]}
    regions = tuple(
        replace(level, regions=tuple(
            replace(region, seen_count=int((of_seen[level.level] == region.ordinal).sum())) for region in level.regions
        ))
        for level in small.regions
    )  # fmt: skip
    return replace(small, features=features, regions=regions)


def with_other_points(small: Small) -> Small:
    """The same scene, measured again: every point a millimetre higher."""
    points = replace(small.scene.points, xyz=small.scene.points.xyz + np.array([0, 0, 0.001]))
    return replace(small, scene=replace(small.scene, points=points))


def files_of(store: Database) -> set[str]:
    """The files of scenes and features, relative to the store."""
    folders = [store.path / "scenes", store.path / "features"]
    return {str(path.relative_to(store.path)) for folder in folders for path in folder.rglob("*") if path.is_file()}


def _regions(
    rng: np.random.Generator,
    level: Level,
    of_point: NDArray[np.int32],
    seen: NDArray[np.int32],
    points: PointCloud,
    space: EmbeddingSpace,
) -> RegionFeatures:
    ordinals = np.unique(of_point[seen])
    regions = []
    for ordinal in ordinals.tolist():
        xyz = points.xyz[of_point == ordinal]
        low, high = xyz.min(axis=0), xyz.max(axis=0)
        box = OrientedBox((low + high) / 2, np.eye(3), high - low)
        views = tuple(RegionView(frame, (1.5, 2.0, 30.1, 40.0), 7 + frame) for frame in range(ordinal % (FRAMES + 1)))
        regions.append(
            Region(
                level, ordinal, len(xyz), int((of_point[seen] == ordinal).sum()), xyz.mean(axis=0), low, high, box,
                float(rng.random()), None if ordinal == 1 else "chair", views,
            )
        )  # fmt: skip
    return RegionFeatures(space, level, tuple(regions), _unit(rng, len(regions), space.dim))


def _unit(rng: np.random.Generator, rows: int, dim: int) -> NDArray[np.float16]:
    vectors = rng.normal(size=(rows, dim))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)
