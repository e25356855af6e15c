"""Two scenes whose points, labels and instances are coloured, and a label set of these colours. Shared by tests."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import small_scene
from ovstore.core.features import PointFeatures
from ovstore.models.encoders import color_words
from ovstore.store.postgres.database import Database
from ovstore.store.publish.publish import publish_features

SPACE = color_words.space(color_words.Options())
RECIPE = {"encoder": {"name": "color_words", "options": {"patch": 4}}}
NAMES = {0: "red", 1: "green", 2: "blue", 3: "yellow"}


def publish(store: Database, name: str, seed: int, rare: bool = False) -> small_scene.Small:
    """Four objects: red, green, blue and yellow, each tenth point without a vector; without yellow unless `rare`."""
    small = small_scene.make(name, seed, space=SPACE)
    colours = color_words.load_text_encoder(color_words.Options())(list(NAMES.values())).astype(np.float16)
    truth = small.object_of_superpoint[small.superpoint].astype(np.int32)
    truth = truth if rare else truth % 3
    points = replace(small.scene.points, labels=truth, instances=10 * truth + 3, label_names=NAMES)
    small = replace(small, scene=replace(small.scene, points=points, split="val"))
    seen = np.flatnonzero(np.arange(len(truth)) % 10).astype(np.int32)
    features = PointFeatures(SPACE, seen, colours[truth[seen]], np.ones(len(seen), np.int32))
    small = small_scene.with_features(small, features)
    regions = tuple(
        replace(level, vectors=colours[[_colour(small, level.level, region.ordinal, rare) for region in level.regions]])
        for level in small.regions
    )
    scene_id = small.publish_geometry(store)
    publish_features(
        store, scene_id, "colours", SPACE, RECIPE, "fused",
        features, small.object_of_superpoint, regions, small.scene_vectors,
    )  # fmt: skip
    return small


def _colour(small: small_scene.Small, level: str, ordinal: int, rare: bool) -> int:
    """Of a region."""
    owner = int(ordinal if level == "object" else small.object_of_superpoint[ordinal])
    return owner if rare else owner % 3


def write_label_set(folder: Path) -> Path:
    """colours.json, a label set of the four colours."""
    path = folder / "colours.json"
    classes = [{"id": number, "name": NAMES[index]} for index, number in enumerate((5, 7, 2, 9))]
    path.write_text(json.dumps({"ignore_id": 0, "classes": classes}))
    return path
