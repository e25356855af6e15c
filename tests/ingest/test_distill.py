"""Who teaches a student, what it is shown, and what it says of every point."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import small_scene
import torch
from ovstore.core.errors import BadScene, NotFound, SpaceMismatch
from ovstore.core.features import EmbeddingSpace
from ovstore.core.scene import PointCloud
from ovstore.ingest.training.scenes import require_colors
from ovstore.ingest.training.student_vectors import random_passes, unit_vectors
from ovstore.ingest.training.teachers import TrainingSet, training_set
from ovstore.models.sparse.layers import SparseTensor
from ovstore.models.training.options import TrainingOptions
from ovstore.store.catalog import catalog
from ovstore.store.files.stored_points import StoredPoints
from ovstore.store.postgres.database import Database
from torch import nn

OPTIONS = TrainingOptions(voxel_size=0.5, inputs="color")
CPU = torch.device("cpu")


def publish(store: Database, **splits: str | None) -> None:
    """Scenes by name and split, each with features 'toy'."""
    for seed, (name, split) in enumerate(splits.items()):
        small = small_scene.make(name, seed)
        replace(small, scene=replace(small.scene, split=split)).publish(store)


def learn(store: Database, features: str = "toy", hold_out: int = 0, **choice: Any) -> TrainingSet:
    scenes = catalog.chosen_scenes(store, choice.get("datasets", ()), choice.get("scenes", ()))
    return training_set(store, scenes, features, choice.get("split"), choice.get("val_split", "val"), hold_out)


def names(held: TrainingSet) -> tuple[list[str], list[str]]:
    """Who teaches, who judges."""
    return [each.scene.name for each in held.training], [each.scene.name for each in held.validation]


def test_scenes_of_train_teach_and_those_of_val_judge(store: Database) -> None:
    publish(store, a="train", b="val", c="test", d="train")
    assert names(learn(store)) == (["a", "d"], ["b"])
    assert names(learn(store, split="test", val_split="train")) == (["c"], ["a", "d"])
    assert names(learn(store, hold_out=1)) == (["a"], ["b", "d"])
    assert names(learn(store, scenes=("a", "b"))) == (["a"], ["b"])


def test_where_no_scene_has_a_split_all_teach_but_those_held_out(store: Database) -> None:
    publish(store, a=None, b=None, c=None)
    assert names(learn(store)) == (["a", "b", "c"], [])
    assert names(learn(store, hold_out=2)) == (["a"], ["b", "c"])
    with pytest.raises(NotFound, match="3 held out leave none of 3"):
        learn(store, hold_out=3)


def test_a_split_without_scenes_and_features_that_nobody_has_are_met_with_what_there_is(store: Database) -> None:
    publish(store, a="val", b="test")
    with pytest.raises(NotFound, match=r"None of 2 scenes .* is in split 'train'; their splits: test, val"):
        learn(store)
    with pytest.raises(NotFound, match=r"None of 2 scenes has features 'lseg'. They have: toy"):
        learn(store, "lseg")


def test_scenes_of_two_spaces_do_not_teach_one_student(store: Database) -> None:
    small_scene.make("a").publish(store)
    small_scene.make("b", space=EmbeddingSpace("other/16", 16, "")).publish(store)
    with pytest.raises(SpaceMismatch, match=r"scans/a and scans/b cannot .*'toy/16' with 'other/16'.*--scene"):
        learn(store)
    assert names(learn(store, scenes=("b",)))[0] == ["b"]


def test_a_scene_without_colours_is_named(store: Database) -> None:
    small = small_scene.make("grey")
    replace(small, scene=replace(small.scene, points=replace(small.scene.points, rgb=None))).publish(store)
    with pytest.raises(BadScene, match=r"scans/grey has no colours.*--inputs ones"):
        require_colors(store, [teacher.scene for teacher in learn(store).training])


def test_a_student_is_shown_points_in_the_scans_own_order_each_with_its_own_vector(store: Database) -> None:
    small = small_scene.make("a")
    small.publish(store)
    shown = learn(store).training[0].source()
    np.testing.assert_array_equal(shown.xyz[small.original_index], small.scene.points.xyz)
    in_store = np.argsort(small.original_index)[shown.point_index]  # rows of the store's cloud
    row = np.searchsorted(small.features.point_index, in_store)
    np.testing.assert_array_equal(small.features.point_index[row], in_store)
    np.testing.assert_array_equal(shown.target, small.features.vectors[row])


class Says(nn.Module):
    """A student that says of each voxel what a function of its colour says."""

    def __init__(self, say: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.say = say

    def forward(self, tensor: SparseTensor) -> SparseTensor:
        return tensor.with_features(self.say(tensor.features))


@pytest.fixture
def cloud() -> PointCloud:
    rng = np.random.default_rng(0)
    return PointCloud(rng.uniform(0, 4, (500, 3)), rng.integers(0, 256, (500, 3), dtype=np.uint8))


def held(points: PointCloud, original_index: np.ndarray | None = None) -> StoredPoints:
    order = np.arange(len(points)) if original_index is None else original_index
    return StoredPoints(points, np.zeros(len(points), np.int32), order.astype(np.int32))


def test_every_point_gets_a_unit_vector_and_points_of_a_voxel_the_same(cloud: PointCloud) -> None:
    vectors = unit_vectors(Says(lambda c: c * 5 + 1), OPTIONS, held(cloud), CPU)
    assert vectors.shape == (500, 3) and vectors.dtype == np.float16
    np.testing.assert_allclose(np.linalg.norm(vectors.astype(np.float32), axis=1), 1, atol=1e-3)
    cell = np.floor(cloud.xyz / 0.5).astype(int)
    same = (cell[:, None] == cell[None]).all(axis=2)
    a, b = np.nonzero(same)
    np.testing.assert_array_equal(vectors[a], vectors[b])


def test_the_stores_order_of_points_changes_no_vector(cloud: PointCloud) -> None:
    options = replace(OPTIONS, target="representative")  # whose colour depends on who is the lowest point
    order = np.random.default_rng(1).permutation(500)
    student = Says(lambda c: c + 2)
    plain = unit_vectors(student, options, held(cloud), CPU)
    np.testing.assert_array_equal(unit_vectors(student, options, held(cloud.take(order), order), CPU), plain[order])


def test_a_voxel_without_a_direction_takes_that_of_the_nearest() -> None:
    row = np.arange(9)
    line = PointCloud(np.stack([row * 0.5, row * 0, row * 0], axis=1) + 0.1, np.zeros((9, 3), np.uint8))
    line.rgb[:3, 0], line.rgb[7:, 2] = 255, 255  # red, black, blue
    vectors = unit_vectors(Says(torch.relu), OPTIONS, held(line), CPU)
    np.testing.assert_array_equal(vectors[:5], [[1, 0, 0]] * 5)
    np.testing.assert_array_equal(vectors[5:], [[0, 0, 1]] * 4)


@pytest.mark.parametrize("number", [0.0, float("nan"), float("inf")])
def test_a_student_that_says_nothing_is_refused(cloud: PointCloud, number: float) -> None:
    with pytest.raises(BadScene, match="no direction"):
        unit_vectors(Says(lambda c: torch.full_like(c, number)), OPTIONS, held(cloud), CPU)


def test_several_passes_are_the_mean_of_directions_and_always_the_same(cloud: PointCloud) -> None:
    student = Says(lambda c: c * 5 + 1)

    def seen(passes: int, seed: int = 3) -> np.ndarray:
        placements = random_passes(replace(OPTIONS, seed=seed), passes, "room")
        return unit_vectors(student, OPTIONS, held(cloud), CPU, placements).astype(np.float32)

    np.testing.assert_array_equal(seen(3), seen(3))
    assert (seen(3) != seen(3, seed=4)).any()
    np.testing.assert_allclose(np.linalg.norm(seen(3), axis=1), 1, atol=1e-3)
    placements = list(random_passes(replace(OPTIONS, seed=3), 2, "room") or ())
    alone = [unit_vectors(student, OPTIONS, held(cloud), CPU, iter([each])).astype(np.float32) for each in placements]
    together = alone[0] + alone[1]
    together /= np.linalg.norm(together, axis=1, keepdims=True)
    np.testing.assert_allclose(seen(2), together, atol=2e-3)


def test_colours_that_are_not_there_cannot_be_seen(cloud: PointCloud) -> None:
    with pytest.raises(BadScene, match="no colour"):
        unit_vectors(Says(lambda c: c), OPTIONS, held(replace(cloud, rgb=None)), CPU)


def test_only_scenes_that_are_there_are_selected(store: Database) -> None:
    with pytest.raises(NotFound, match="no scenes yet"):
        catalog.chosen_scenes(store, (), ())
    publish(store, a="train", b="val")
    assert [scene.name for scene in catalog.chosen_scenes(store, (), ("b",))] == ["b"]
    assert [scene.name for scene in catalog.chosen_scenes(store, ("scans",), ())] == ["a", "b"]
    with pytest.raises(NotFound, match="No scene named 'c'"):
        catalog.chosen_scenes(store, (), ("c",))
    assert catalog.find_scene(store, "a").split == "train"
