"""`ovstore train supervised`: a small student learns the labels of a scene, and its predictions are judged."""

import json
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import small_scene
import torch
from command_line import document, lines, ovstore
from numpy.typing import NDArray
from ovstore.core.scene import PointCloud
from ovstore.ingest.training.scenes import divide
from ovstore.ingest.training.students import student_of_file
from ovstore.ingest.training.supervised import predict, source
from ovstore.models.placements import random_placements
from ovstore.models.training.inference import point_vectors
from ovstore.store.catalog import catalog
from ovstore.store.postgres.database import Database

NAMES = {0: "red", 1: "green", 2: "blue", 3: "beige"}  # beige is no class of the set
CLASS_OF = {2: 0, 0: 1, 1: 2}
COLOURS = np.array([[220, 30, 30], [30, 200, 40], [30, 60, 220], [220, 210, 180]], np.uint8)
CONFIG = """
like = "mink_scannet"
voxel_size = 0.05
inputs = "color"
batch_size = 2
loop = 4
epochs = 10
base_lr = 0.1
placement = "upright"
elastic_probability = 0
contrast_probability = 0
color_probability = 0
hue = 0
saturation = 0
"""


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def cloud(seed: int) -> PointCloud:
    """Tiles of four colours, 0.2 m wide, on a floor; a tenth of the points without a label."""
    rng = np.random.default_rng(seed)
    x, y = np.divmod(np.arange(small_scene.POINTS), 20)
    tile = rng.integers(0, 4, (8, 5))[x // 4, y // 4]
    labels = np.where(rng.random(len(tile)) < 0.1, -1, tile).astype(np.int32)
    xyz = np.stack([x * 0.05, y * 0.05, 0.01 * rng.random(len(x))], axis=1) + 0.02
    return PointCloud(xyz, COLOURS[tile], labels=labels, label_names=NAMES)


def publish(store: Database, name: str, split: str | None, seed: int) -> None:
    small = small_scene.make(name, seed)
    points = cloud(seed)
    scene = replace(small.scene, points=points.take(small.original_index), split=split)
    replace(small, scene=scene).publish_geometry(store)


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("labels") / "colours.json"
    classes = [{"id": 5, "name": "blue"}, {"id": 7, "name": "red"}, {"id": 2, "name": "green"}]
    path.write_text(json.dumps({"ignore_id": 0, "classes": classes}))
    return path


@pytest.fixture(scope="module")
def held(shared_store: Database) -> Database:
    for name, split, seed in (("one", "train", 1), ("two", "train", 2), ("three", "val", 3)):
        publish(shared_store, name, split, seed)
    return shared_store


@dataclass(frozen=True)
class Run:
    """A training that was typed."""

    command: tuple[object, ...]
    folder: Path
    said: list[str]


@pytest.fixture(scope="module")
def run(held: Database, labels: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("supervised")
    (folder / "quick.toml").write_text(CONFIG)
    command = (
        "train", "supervised", "--labels", labels, "--student", "tiny", "--config", folder / "quick.toml",
        "--workers", 0, "--device", "cpu", "--out", folder / "out",
    )  # fmt: skip
    result = ovstore(held, *command)
    assert result.exit_code == 0, result.output
    return Run(command, folder / "out", lines(result))


def test_labels_are_learned_and_predictions_judged(held: Database, labels: Path, run: Run) -> None:
    predictions = run.folder / "predictions"
    told = document(ovstore(held, "eval", "--labels", labels, "--predictions", predictions, "--json"))
    assert [scene["scene"] for scene in told["scenes"]] == ["scans/three"]
    assert told["means"]["mIoU"] > 0.9
    figures = "  ".join(f"{name} {100 * told['means'][name]:.1f}" for name in ("mIoU", "mAcc"))
    assert run.said[0] == f"Training tiny on 2 scenes with the 3 classes of colours, validated on 1 scene: {run.folder}"
    assert run.said[1].startswith("trained 40 steps  loss_train ") and run.said[1].endswith(figures)
    assert run.said[2:] == [
        f"1 scene predicted  {figures}: {predictions}",
        f"Evaluate them: ovstore eval --labels {labels} --predictions {predictions}",
    ]
    assert {"model_last.pth.tar", "model_best.pth.tar", "training.json"} <= {p.name for p in run.folder.iterdir()}


def test_a_student_knows_the_scenes_that_taught_it(held: Database, run: Run) -> None:
    student = student_of_file(run.folder / "model_last.pth.tar")
    points = cloud(1)
    found = predict(student.network, points, student.options, "one")
    known = np.isin(points.labels, list(CLASS_OF))
    assert points.labels is not None
    expected = np.array([CLASS_OF.get(label, -1) for label in points.labels])
    assert (found == expected)[known].mean() > 0.97


def test_a_training_at_its_end_predicts_again_in_passes(held: Database, run: Run) -> None:
    before = (run.folder / "model_last.pth.tar").read_bytes()
    result = ovstore(held, *run.command, "--passes", 2)
    assert lines(result)[1].startswith("already trained  ")
    assert (run.folder / "model_last.pth.tar").read_bytes() == before
    student, points = student_of_file(run.folder / "model_last.pth.tar"), cloud(3)
    scores = np.zeros((len(points), 3), np.float32)
    for placement in random_placements(0.05, 2, student.options.seed, "three"):
        cpu = torch.device("cpu")
        scores += point_vectors(student.network, points.xyz, points.rgb, student.options, cpu, placement)
    expected = np.array([5, 7, 2])[scores.argmax(axis=1)]
    written = np.array((run.folder / "predictions" / "three.txt").read_text().split(), int)
    np.testing.assert_array_equal(written, expected)


def test_a_signal_ends_with_the_command_that_goes_on(held: Database, run: Run, tmp_path: Path) -> None:
    done = threading.Event()

    def interrupt() -> None:
        while not done.wait(0.02):
            if (tmp_path / "out" / "model_last.pth.tar").exists():
                os.kill(os.getpid(), signal.SIGINT)
                return

    sender = threading.Thread(target=interrupt)
    sender.start()
    try:
        result = ovstore(held, *run.command[:-1], tmp_path / "out", "--epochs", 10**6)
    finally:
        done.set()
        sender.join()
    assert result.exit_code == 130
    said, again = result.stderr.splitlines()[-2:]
    assert said.startswith("Stopped by SIGINT")
    assert again.startswith(f"  ovstore --store {held.path} train supervised --labels ") and again.endswith(" --resume")
    assert set(map(str, run.command[2:-1])) <= set(again.split())


@pytest.mark.parametrize(
    ("typed", "code", "said"),
    [
        (("--epochs", 11), 1, "contains another training run: options.epochs is 10, but 11 was requested."),
        (("--resume", "--again"), 2, "give one of them"),
        (("--config", "scannet"), 1, "loss is 'cosine', which is for vectors; use 'cross_entropy' for classes,"),
        (("--split", "test"), 1, "None of 3 scenes is in split 'test'; their splits: train, val."),
        (("--hold-out", 2), 1, "2 held out leave none of 2 scenes for training."),
        (("--scene", "thre"), 1, "Did you mean 'three'?"),
        (("--labels", "nuscenes16"), 1, "No point of 2 scenes has a label that is a class of nuscenes16."),
    ],
)
def test_a_mistake_is_one_sentence(held: Database, run: Run, typed: tuple[object, ...], code: int, said: str) -> None:
    result = ovstore(held, *run.command, *typed)
    assert (result.exit_code, result.stdout) == (code, "")
    assert said in result.stderr


def test_a_source_shows_labelled_points_in_the_scans_own_order(held: Database) -> None:
    def classify(points: PointCloud) -> NDArray[np.int32]:
        assert points.labels is not None
        return np.where(points.labels == 3, -1, points.labels)

    taught, points = source(held, catalog.find_scene(held, "one"), classify)(), cloud(1)
    np.testing.assert_array_equal(taught.xyz, points.xyz)
    expected = np.flatnonzero(np.isin(points.labels, (0, 1, 2)))
    np.testing.assert_array_equal(taught.point_index, expected)
    np.testing.assert_array_equal(taught.target, np.asarray(points.labels)[expected])


def divided(scenes: Sequence[Any], *asked: Any) -> tuple[list[Any], list[Any]]:
    return divide(scenes, lambda scene: scene.split, *asked)


def test_scenes_without_splits_all_teach_but_those_held_out() -> None:
    scenes: Any = [SimpleNamespace(split=None, name=str(number)) for number in range(4)]
    assert divided(scenes, None, "val", 0) == (scenes, [])
    assert divided(scenes, None, "val", 1) == (scenes[:3], scenes[3:])


def test_the_split_that_teaches_is_not_predicted() -> None:
    scenes: Any = [SimpleNamespace(split=split) for split in ("train", "val", "train", "test")]
    assert divided(scenes, None, "val", 0) == ([scenes[0], scenes[2]], [scenes[1]])
    assert divided(scenes, "val", "val", 0) == ([scenes[1]], [])
    assert divided(scenes, None, "test", 1) == ([scenes[0]], [scenes[3], scenes[2]])
