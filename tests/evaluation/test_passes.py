"""`ovstore eval --passes`: points share voxels, and a voxel's lowest point in the scan's own order speaks for all."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import small_scene
import torch
from command_line import document, lines, ovstore
from numpy.typing import NDArray
from ovstore.core.features import PointFeatures
from ovstore.models.encoders import color_words
from ovstore.models.minkunet.checkpoint import read_minkunet
from ovstore.models.placements import random_placements
from ovstore.models.safe_load import sha256_of
from ovstore.models.students import tiny as tiny_student
from ovstore.models.training.inference import point_vectors
from ovstore.models.training.options import TrainingOptions
from ovstore.store.catalog import catalog
from ovstore.store.postgres.database import Database
from ovstore.store.publish.publish import publish_features

SPACE = color_words.space(color_words.Options())
RECIPE = {"encoder": {"name": "color_words", "options": {"patch": 4}}}
NAMES = ("red", "green", "blue")
POINT = np.arange(small_scene.POINTS)
CLUSTER = POINT // 3  # three points lie in one place
TRUTH = CLUSTER % 3


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("labels") / "colours.json"
    path.write_text(json.dumps({"ignore_id": 0, "classes": [{"id": i + 1, "name": n} for i, n in enumerate(NAMES)]}))
    return path


@pytest.fixture(scope="module")
def held(shared_store: Database) -> Database:
    """A room whose features know the colour of each cluster's first point alone, in the scan's own order; every tenth
    cluster's first point has no vector."""
    small = small_scene.make("room", 0, space=SPACE)
    corners = np.random.default_rng(0).permutation(8**3)[:200]
    xyz = np.stack(np.unravel_index(corners, (8, 8, 8)), axis=1)[CLUSTER] + 0.5
    points = replace(
        small.scene.points,
        xyz=xyz.astype(np.float64),
        labels=TRUTH.astype(np.int32),
        label_names=dict(enumerate(NAMES)),
    )
    small = replace(small, scene=replace(small.scene, points=points))
    first = firsts(small.original_index)
    seen = np.flatnonzero(~(first & (CLUSTER % 10 == 0))).astype(np.int32)
    colours = color_words.load_text_encoder(color_words.Options())(list(NAMES)).astype(np.float16)
    of_point = np.where(first, TRUTH, (TRUTH + 1) % 3)
    features = PointFeatures(SPACE, seen, colours[of_point[seen]], np.ones(len(seen), np.int32))
    small = small_scene.with_features(small, features)
    scene_id = small.publish_geometry(shared_store)
    small.publish_features(shared_store, scene_id, "colours", RECIPE)
    publish_distilled(shared_store, scene_id, small)
    return shared_store


def publish_distilled(store: Database, scene_id: int, small: small_scene.Small) -> None:
    """The set "learned", whose published vectors are the first ones' and whose student, drawn at random, is another."""
    torch.manual_seed(0)
    network = tiny_student.build(tiny_student.Options(), 3, SPACE.dim)
    folder = store.path / "students" / "learned"
    folder.mkdir(parents=True)
    torch.save({"state_dict": network.state_dict()}, folder / "model_last.pth.tar")
    student = {
        "name": "tiny", "options": {}, "voxel_size": 0.4, "inputs": "color", "target": "mean",
        "weights": sha256_of(folder / "model_last.pth.tar"),
    }  # fmt: skip
    publish_features(
        store, scene_id, "learned", SPACE, RECIPE | {"student": student}, "distilled",
        small.features, small.object_of_superpoint, small.regions, small.scene_vectors,
    )  # fmt: skip


def firsts(original_index: NDArray[np.int32]) -> NDArray[np.bool_]:
    """(N,) whether the point comes before the two others of its cluster in the scan's own order."""
    lowest = np.minimum.reduceat(original_index, np.arange(0, len(POINT), 3))
    return original_index == lowest[CLUSTER]


OPENSCENE = ("--features", "colours", "--protocol", "openscene")


def test_points_take_the_vector_of_their_voxel(held: Database, labels: Path) -> None:
    plain = document(ovstore(held, "eval", "--labels", labels, *OPENSCENE, "--json"))
    assert plain["means"]["mIoU"] < 0.3
    told = document(ovstore(held, "eval", "--labels", labels, *OPENSCENE, "--passes", 3, "--json"))
    assert told["means"]["mIoU"] == 1
    assert told["points_without_prediction"] == 60  # whole clusters: their first point has no vector
    assert told["means"]["mAcc"] == pytest.approx(0.9, abs=0.01)


def test_the_table_says_how_often_and_from_where_it_was_looked(held: Database, labels: Path) -> None:
    shown = lines(ovstore(held, "eval", "--labels", labels, *OPENSCENE, "--passes", 5))
    assert shown[0] == "colours in 5 passes on colours, 1 scene, protocol openscene"
    assert (
        "5 passes, randomly placed (seed 1463), voxels of 0.02 m; the scores of a point's voxels are summed." in shown
    )


def test_voxels_may_have_another_size(held: Database, labels: Path) -> None:
    told = document(ovstore(held, "eval", "--labels", labels, *OPENSCENE, "--passes", 1, "--voxel-size", 20, "--json"))
    assert any(note.startswith("1 pass, randomly placed (seed 1463), voxels of 20 m;") for note in told["notes"])
    assert told["means"]["mIoU"] < 0.5  # the room is a few voxels


def test_the_same_seed_gives_the_same_numbers(held: Database, labels: Path, tmp_path: Path) -> None:
    written = []
    for number, seed in enumerate((7, 7)):
        folder = tmp_path / str(number)
        arguments = ("--passes", 2, "--seed", seed, "--write-predictions", folder)
        assert ovstore(held, "eval", "--labels", labels, *OPENSCENE, *arguments).exit_code == 0
        written.append((folder / "room.txt").read_text())
    assert written[0] == written[1]
    original_index = catalog.load_points(held, catalog.find_scene(held, "room").id).original_index
    expected = np.where(CLUSTER % 10 == 0, 0, TRUTH + 1)
    assert np.array(written[0].split(), int)[original_index].tolist() == expected.tolist()


def test_a_student_is_asked_anew_in_each_pass(held: Database, labels: Path, tmp_path: Path) -> None:
    arguments = ("--features", "distill", "--protocol", "openscene", "--passes", 2, "--seed", 5)
    result = ovstore(held, "eval", "--labels", labels, *arguments, "--write-predictions", tmp_path)
    assert "2 passes, randomly placed (seed 5), voxels of 0.4 m; the scores of a point's voxels are summed." in lines(
        result
    )
    points = catalog.load_points(held, catalog.find_scene(held, "room").id).in_scan_order()
    network = read_minkunet(held.path / "students" / "learned" / "model_last.pth.tar").network()
    words = color_words.load_text_encoder(color_words.Options())(list(NAMES)).astype(np.float16).astype(np.float32)
    sums = np.zeros((len(POINT), 3), np.float16)
    for placement in random_placements(0.4, 2, 5, "room"):
        options = TrainingOptions(voxel_size=0.4)
        vectors = point_vectors(network, points.xyz, points.rgb, options, torch.device("cpu"), placement)
        sums += (vectors.astype(np.float16).astype(np.float32) @ words.T).astype(np.float16)
    found = np.array((tmp_path / "room.txt").read_text().split(), int)
    assert (found == sums.argmax(axis=1) + 1).mean() > 0.99  # but for ties that rounding makes
    assert len(set(found.tolist())) > 1


def test_students_may_lie_elsewhere_and_have_to_be_those_of_the_features(
    held: Database, labels: Path, tmp_path: Path
) -> None:
    command = ("eval", "--labels", labels, "--features", "ensemble", "--protocol", "openscene", "--passes", 1)
    told = document(ovstore(held, *command, "--json"))
    assert told["judged"] == "ensemble of colours (fusion) and learned (distill) in 1 pass"
    folder = held.path / "students" / "learned"
    (tmp_path / "copy.pth.tar").write_bytes((folder / "model_last.pth.tar").read_bytes())
    for run in (tmp_path, tmp_path / "copy.pth.tar"):
        assert document(ovstore(held, *command, "--run", run, "--json"))["confusion"] == told["confusion"]
    (tmp_path / "copy.pth.tar").write_bytes(b"other weights")
    result = ovstore(held, *command, "--run", tmp_path)
    assert (result.exit_code, result.stdout) == (1, "") and "weights with the sha256" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ("--features colours --passes 5", 2, "--passes requires --protocol openscene"),
        ("--features colours --protocol openscene --passes 5 --save-npy out", 2, "no vectors for --save-npy"),
        ("--features colours --protocol openscene --passes 0", 2, "x>=1"),
        ("--predictions out --passes 5", 2, "leave --features, --templates, --passes"),
        ("--features colours --protocol openscene --run out", 2, "--run names the student for --passes"),
        ("--features colours --protocol openscene --passes 2 --run out", 1, "colours was not made by a student"),
    ],
)
def test_passes_that_mean_nothing_are_refused(
    held: Database, labels: Path, arguments: str, code: int, said: str
) -> None:
    result = ovstore(held, "eval", "--labels", labels, *arguments.split())
    assert (result.exit_code, result.stdout) == (code, "")
    assert said in result.stderr
