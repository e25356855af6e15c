"""Which scenes a student is trained on, and which it is validated on."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import NotFound, SpaceMismatch
from ...core.features import EmbeddingSpace
from ...models.training.scenes import TrainingScene, TrainingSource
from ...store.catalog import catalog
from ...store.catalog.catalog import FeatureSetInfo, SceneInfo
from ...store.catalog.regions import load_regions
from ...store.files.readers import FeaturesFile, PointsFile
from ...store.postgres.database import Database
from .. import recipe
from .scenes import divide

MOST_OBJECTS = 16_384  # 25 MB of 768 numbers each


@dataclass(frozen=True)
class Teacher:
    """A scene and its published vectors. Pickles; its files are read without the database."""

    scene: SceneInfo
    features: FeatureSetInfo
    points_file: PointsFile  # of the scene
    features_file: FeaturesFile

    @property
    def source(self) -> TrainingSource:
        """The scene as training takes it."""
        load = partial(_training_scene, self.scene.full_name, self.points_file, self.features_file)
        return TrainingSource(self.scene.full_name, load)


@dataclass(frozen=True)
class TrainingSet:
    """Scenes to train on and scenes to validate on."""

    features: str  # name of the feature sets to train on
    space: EmbeddingSpace
    encoding: dict[str, Any]  # "encoder" and "space" of these features' recipe
    training: tuple[Teacher, ...]
    validation: tuple[Teacher, ...]


def _training_scene(name: str, points_file: PointsFile, features_file: FeaturesFile) -> TrainingScene:
    """Points in the scan's own order, so that a voxel's lowest point is the one it is in OpenScene."""
    held = points_file.read()
    points, published = held.in_scan_order(), held.features_to_scan(features_file.read())
    return TrainingScene(name, points.xyz, points.rgb, published.point_index, published.vectors)


def training_set(
    store: Database, scenes: Sequence[SceneInfo], features: str, split: str | None, val_split: str, hold_out: int
) -> TrainingSet:
    """The scenes of `split` that have those features; those of `val_split` and the last `hold_out` are for validation.

    Without `split`, those of "train"; where no scene has any split, all. NotFound when none is left to train on,
    SpaceMismatch unless all are of one space.
    """
    found = _teachers(store, scenes, features)
    training, validation = divide(
        found, lambda teacher: teacher.scene.split, split, val_split, hold_out, f" with features {features!r}"
    )
    first = training[0].features
    encoding = recipe.encoding_of(first.recipe, first.space)
    return TrainingSet(features, first.space, encoding, tuple(training), tuple(validation))


def objects(store: Database, teachers: Sequence[Teacher]) -> NDArray[np.float16]:
    """(A, C) unit vectors of the scenes' objects; where there are more than MOST_OBJECTS, so many of them."""
    sets = [teacher.features for teacher in teachers]
    parts = [load_regions(store, found.id, found.space, "object").vectors for found in sets]
    vectors = np.concatenate(parts)
    drawn = np.random.default_rng(len(vectors)).permutation(len(vectors))[:MOST_OBJECTS]
    return vectors[np.sort(drawn)]


def _teachers(store: Database, scenes: Sequence[SceneInfo], features: str) -> list[Teacher]:
    """The scenes that have feature sets of that name."""
    held = {found.scene_id: found for found in catalog.feature_sets(store) if found.name == features}
    found = [
        Teacher(scene, own, catalog.points_file(store, scene), catalog.features_file(store, own))
        for scene in scenes
        if (own := held.get(scene.id)) is not None
    ]
    if not found:
        names = sorted({name for scene in scenes for name in scene.features})
        raise NotFound(
            f"None of {len(scenes)} scenes has features {features!r}. "
            + (f"They have: {', '.join(names)}." if names else "They have none yet: ovstore ingest --help")
        )
    first = found[0]
    for other in found[1:]:
        try:
            first.features.space.require_same(other.features.space)
        except SpaceMismatch as error:
            raise SpaceMismatch(
                f"{first.scene.full_name} and {other.scene.full_name} cannot be used to train one student on "
                f"{features!r}: {error} Choose scenes with --dataset or --scene."
            ) from error
    return found
