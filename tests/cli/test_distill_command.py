"""ovstore distill: what people type, what they read, and what is then in the store."""

import os
import re
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
import small_scene
import torch
import toy_room
from click.testing import Result
from command_line import document, lines, ovstore
from lseg_file import values_of
from minkunet_shapes import KERNELS_18A, tensor_shapes
from ovstore.ingest.training.students import student_of
from ovstore.models.students import tiny
from ovstore.store.catalog import catalog, jobs
from ovstore.store.maintain import verify
from ovstore.store.postgres import locks
from ovstore.store.postgres.database import Database
from PIL import Image

TYPED = (
    "--features", "color_words", "--student", "tiny", "--config", "small", "--voxel-size", 0.2, "--epochs", 2,
    "--loop", 1, "--batch-size", 1, "--hold-out", 1, "--validate-every", 1, "--workers", 0, "--device", "cpu",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def distill(store: Database, *more: object) -> Result:
    return ovstore(store, "distill", *TYPED, *more)


@pytest.fixture(scope="module")
def rooms(shared_store: Database, tmp_path_factory: pytest.TempPathFactory) -> Database:
    """Two rooms with fused features."""
    scans = tmp_path_factory.mktemp("scans")
    for name in ("room0", "room1"):
        toy_room.write(scans / name, frames=2)
    assert ovstore(shared_store, "ingest", "rgbd", scans, "--encoder", "color_words").exit_code == 0
    return shared_store


@pytest.fixture(scope="module")
def distilled(rooms: Database) -> tuple[Database, Result]:
    result = distill(rooms, "--out", "distilled")
    assert result.exit_code == 0, result.output
    return rooms, result


def steady(line: str) -> str:
    """Without what is another at each run, or in each version of torch."""
    line = re.sub(r"-?\d+\.\d{4}", "0.1234", line)
    line = re.sub(r"\d+ regions  \d+\.\d s", "N regions  T s", line)
    return re.sub(r"\(feature set \d+\)", "(feature set N)", line)


def test_people_read_who_teaches_what_came_of_it_and_what_to_do_next(distilled: tuple[Database, Result]) -> None:
    store, result = distilled
    points = catalog.scenes(store)[0].point_count
    assert [steady(line) for line in lines(result)] == [
        f"Training tiny on 1 scene with 'color_words' (color_words, 13 numbers per point), validated on room1:"
        f" {store.path}/students/distilled",
        "trained 2 steps  loss_train 0.1234  cosine 0.1234",
        f"room0  {points:,} points, 0 of them seen by no frame  N regions  T s",
        f"room1  {points:,} points, 0 of them seen by no frame  N regions  T s",
        "2 written, 0 up to date, 0 failed.",
        'Next: ovstore search "a red chair" --features distilled',
        "      ovstore eval --features color_words,distilled --labels SET",
    ]
    assert [re.sub(r"[\d,.:]+", "N", line) for line in result.stderr.splitlines()] == [
        "epoch N of N  step N of N  loss N  N voxels/s  N left",
        "epoch N cosine N",
    ] * 2


def test_every_point_of_every_scene_has_a_vector_objects_and_answers(distilled: tuple[Database, Result]) -> None:
    store, _ = distilled
    for scene in catalog.scenes(store):
        found = catalog.find_feature_set(store, scene, "distilled")
        assert (found.source, found.point_count) == ("distilled", scene.point_count)
        assert found.object_count > 0 and found.superpoint_count > 0
        vectors = catalog.load_features(store, scene.id, "distilled").vectors.astype(np.float32)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=2e-3)
    hits = document(ovstore(store, "search", "red", "--features", "distilled", "--top", 3, "--json"))["hits"]
    assert len(hits) == 3 and hits[0]["evidence"]
    assert verify.check(store, contents=True) == []


def test_the_recipe_says_whose_words_and_which_student(distilled: tuple[Database, Result]) -> None:
    store, _ = distilled
    scene = catalog.scenes(store)[0]
    fused = catalog.find_feature_set(store, scene, "color_words").recipe
    found = catalog.find_feature_set(store, scene, "distilled")
    for name in ("version", "geometry", "encoder", "space", "objects", "pool"):
        assert found.recipe[name] == fused[name]
    student = student_of(store, found)
    assert found.recipe["student"] == {
        "name": "tiny", "options": {}, "voxel_size": 0.2, "inputs": "color", "target": "mean",
        "weights": student.digest, "taught_by": "color_words", "passes": 1,
    }  # fmt: skip
    assert (student.channels, student.options.voxel_size) == (13, 0.2)


def test_what_the_student_learns_is_drawn_after_each_validation(distilled: tuple[Database, Result]) -> None:
    store, _ = distilled
    samples = store.path / "students" / "distilled" / "samples"
    assert sorted(path.name for path in samples.iterdir()) == [
        "epoch_0001.ply", "epoch_0001.png", "epoch_0002.ply", "epoch_0002.png",
    ]  # fmt: skip
    with Image.open(samples / "epoch_0002.png") as picture:
        assert picture.size == (3 * 640, 480 + 36)
        panels = np.asarray(picture.convert("RGB"))[:480].reshape(480, 3, 640, 3)
    drawn = (panels != 250).any(axis=3)
    np.testing.assert_array_equal(drawn[:, 0], drawn[:, 1])
    np.testing.assert_array_equal(drawn[:, 0], drawn[:, 2])
    assert (panels[:, 1] != panels[:, 2]).any()


def test_once_more_is_up_to_date(distilled: tuple[Database, Result]) -> None:
    store, _ = distilled
    result = distill(store, "--out", "distilled")
    assert [steady(line) for line in lines(result)][1:5] == [
        "already trained  loss_train 0.1234  cosine 0.1234",
        "room0  up to date (feature set N)",
        "room1  up to date (feature set N)",
        "0 written, 2 up to date, 0 failed.",
    ]


def test_interrupted_while_writing_the_rest_is_written_next_time(distilled: tuple[Database, Result]) -> None:
    """Somebody else publishes room1, which has to be waited for; meanwhile the command is interrupted."""
    store, _ = distilled
    weights = store.path / "students" / "distilled" / "model_last.pth.tar"
    command = ("distill", "--weights", weights, "--out", "again", "--device", "cpu")

    def interrupt_in_room1() -> None:
        with psycopg.connect(store.conninfo, autocommit=True) as watching:
            waits = (
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()"
            )
            for _ in range(3000):
                if watching.execute(waits).fetchone() == (1,):
                    os.kill(os.getpid(), signal.SIGINT)
                    return
                time.sleep(0.01)

    with Database(store.path, store.conninfo) as other, other.connect() as connection:
        locks.scene(connection, "rgbd", "room1")
        interrupter = threading.Thread(target=interrupt_in_room1)
        interrupter.start()
        result = ovstore(store, *command)
        interrupter.join()
    assert result.exit_code == 130
    assert "What was written is kept; the same command without --again writes the rest." in result.stderr
    assert [job.message for job in jobs.failed(store)] == ["interrupted"]
    assert "1 written, 1 up to date, 0 failed." in ovstore(store, *command).stdout
    assert jobs.failed(store) == []


def test_a_scene_that_fails_is_one_line_and_the_others_go_on(distilled: tuple[Database, Result]) -> None:
    store, _ = distilled
    room0, room1 = catalog.scenes(store)
    points_file = store.file(room0.points_file)
    content = points_file.read_bytes()
    try:
        points_file.write_bytes(content[:100])
        result = ovstore(store, "distill", "--out", "distilled", "--write-only", "--again", "--device", "cpu")
    finally:
        points_file.write_bytes(content)
    assert result.exit_code == 1
    assert re.search(r"^room0  failed: .*points.parquet", result.stderr, re.MULTILINE)
    assert re.search(rf"^room1  {room1.point_count:,} points", result.stdout, re.MULTILINE)
    assert f"1 written, 0 up to date, 1 failed. See: ovstore --store {store.path} jobs --failed" in result.stdout
    assert ovstore(store, "distill", "--out", "distilled", "--write-only", "--again").exit_code == 0


def test_programs_read_json(distilled: tuple[Database, Result]) -> None:
    store, _ = distilled
    found = document(distill(store, "--out", "distilled", "--json"))
    assert [(each["scene"], each["up_to_date"]) for each in found] == [("room0", True), ("room1", True)]


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (("--epochs", 3), "options.epochs is 2, but 3 was requested. Repeat the options it was started with;"
                          " --again discards it and starts over, --run DIR uses another folder; --write-only"
                          " writes features with it."),
        (("--hold-out", 0), "rgbd/room1 was not a training scene then, is none now, or has other features. "
                            "Repeat the options"),
        (("--out", "color_words", "--features", "distilled"), "which would be replaced: choose another --out."),
        (("--out", "x", "--resume"), "students/x contains no training run to continue: leave --resume out."),
        (("--out", "x", "--features", "lseg"), "None of 2 scenes has features 'lseg'. They have: "),
        (("--out", "x", "--split", "train"), "is in split 'train'; their splits: none. Choose the training scenes "
                                             "with --split."),
        (("--out", "x", "--hold-out", 2), "2 held out leave none of 2 scenes for training."),
        (("--out", "x", "--student", "tinny"), "No student named 'tinny'. Did you mean 'tiny'?"),
        (("--out", "x", "--config", "scanet"), "No configuration named 'scanet'. Did you mean 'scannet'?"),
        (("--out", "x", "--labels", "scannet21"), "scannet20"),
        (("--out", "x", "--loss", "cross_entropy", "--target", "representative"), "`ovstore train supervised`"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(
    distilled: tuple[Database, Result], typed: tuple[object, ...], sentence: str
) -> None:
    store, _ = distilled
    result = distill(store, "--out", "distilled", *typed)
    assert result.exit_code == 1
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1
    assert not result.stdout


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (("--resume", "--again"), "give one of them"),
        (("--encoder", "color_words"), "--encoder is for --weights"),
        (("--features", "x"), "--out would replace the features to train on"),
        (("--write-only",), "With --write-only nothing is trained: leave --hold-out out"),
        (("--weights", "file.pth.tar"), "With --weights nothing is trained: leave --hold-out out"),
        (("--out", "../x"), "--out is '../x': a name of letters, digits and . _ + - was expected"),
        (("--out", "a,b"), "--out is 'a,b': a name of"),
        (("--out", ""), "--out is '': a name of"),
    ],
)
def test_options_that_make_no_sense_together_are_misuse(
    distilled: tuple[Database, Result], typed: tuple[object, ...], sentence: str
) -> None:
    result = distill(distilled[0], "--out", "x", *typed)
    assert result.exit_code == 2
    assert sentence in " ".join(result.stderr.split())


def test_a_training_of_another_folder_goes_on_only_when_asked_to(rooms: Database, tmp_path: Path) -> None:
    """As after a kill: an epoch is done and saved, the features are not written."""
    run = tmp_path / "run"
    assert distill(rooms, "--out", "far", "--run", run, "--train-only").exit_code == 0
    told = run / "training.json"
    told.write_text(told.read_text().replace('"step": 2,\n "steps"', '"step": 1,\n "steps"'))
    refused = distill(rooms, "--out", "far", "--run", run)
    assert refused.exit_code == 1
    assert f"{run} contains an interrupted training run: --resume continues it; --again discards it" in refused.stderr
    assert "2 written" in distill(rooms, "--out", "far", "--run", run, "--resume").stdout


def tiny_file(folder: Path, dim: int) -> Path:
    """An untaught student with the original's names, in a file that says nothing else."""
    torch.manual_seed(0)
    state = tiny.build(tiny.Options(), 3, dim).state_dict()
    path = folder / "tiny.pth.tar"
    torch.save({"state_dict": {f"net3d.{name}": value for name, value in state.items()}}, path)
    return path


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An 18A with the original's names, for vectors of 13 numbers."""
    shapes = tensor_shapes(KERNELS_18A.replace("final 96x768", "final 96x13"))
    state = {f"module.net3d.{name}": values_of(name, shape) for name, shape in shapes.items()}
    path = tmp_path_factory.mktemp("published") / "scannet_openseg.pth.tar"
    torch.save({"epoch": 100, "state_dict": state, "optimizer": {}, "best_iou": 0.5}, path)
    return path


def test_a_published_file_speaks_for_every_point(rooms: Database, published: Path) -> None:
    result = ovstore(
        rooms, "distill", "--weights", published, "--encoder", "color_words", "--encoder-patch", 8, "--out", "theirs",
        "--scene", "room0", "--voxel-size", 0.2, "--passes", 2,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "Next: ovstore search" in result.stdout
    scene = catalog.find_scene(rooms, "room0")
    found = catalog.find_feature_set(rooms, scene, "theirs")
    student = found.recipe["student"]
    assert found.point_count == scene.point_count
    assert (student["inputs"], student["target"], student["voxel_size"]) == ("ones", "representative", 0.2)
    assert (student["name"], student["taught_by"], student["passes"]) == (None, None, 2)
    assert found.recipe["encoder"] == {"name": "color_words", "options": {"patch": 8}}
    assert document(ovstore(rooms, "search", "red", "--features", "theirs", "--json"))["hits"]


def test_a_file_of_another_width_or_without_words_is_refused(rooms: Database, tmp_path: Path) -> None:
    command = ("distill", "--weights", tiny_file(tmp_path, 13), "--out", "x")
    result = ovstore(rooms, *command, "--encoder", "tiny")
    assert result.exit_code == 1
    assert "gives 13 numbers per point, but vectors of tiny" in result.stderr
    assert "Name the one it was trained on with --features or --encoder." in result.stderr
    result = ovstore(rooms, *command)
    assert result.exit_code == 2
    assert "does not record which text encoder its vectors belong to" in " ".join(result.stderr.split())


def test_a_file_of_ours_says_itself_how_it_was_trained(distilled: tuple[Database, Result]) -> None:
    store, _ = distilled
    ours = store.path / "students" / "distilled" / "model_best.pth.tar"
    result = ovstore(store, "distill", "--weights", ours, "--out", "x", "--seed", 1)
    assert result.exit_code == 2
    assert "records how it was trained: leave --seed out" in " ".join(result.stderr.split())


def test_points_that_no_frame_saw_and_scenes_without_features_get_vectors_too(store: Database, tmp_path: Path) -> None:
    weights = tiny_file(tmp_path, small_scene.SPACE.dim)
    small_scene.make("a").publish(store)
    bare = small_scene.make("b", 1)
    bare.publish_geometry(store)
    result = ovstore(
        store, "distill", "--weights", weights, "--features", "toy", "--out", "all", "--voxel-size", 0.5,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    for small in (small_scene.make("a"), bare):
        scene = catalog.find_scene(store, small.scene.name)
        features = catalog.load_features(store, scene.id, "all")
        np.testing.assert_array_equal(features.point_index, np.arange(small_scene.POINTS))
        seen = np.isin(features.point_index, small.features.point_index)
        np.testing.assert_array_equal(features.view_count, np.where(seen, 1, 0))
        assert f"{small.scene.name}  600 points, {int((~seen).sum())} of them seen by no frame" in result.stdout


def test_colours_are_asked_for_before_training_and_a_scene_without_them_fails_alone(
    store: Database, tmp_path: Path
) -> None:
    small = small_scene.make("grey")
    replace(small, scene=replace(small.scene, points=replace(small.scene.points, rgb=None))).publish(store)
    small_scene.make("painted", 1).publish(store)
    command = ("distill", "--features", "toy", "--out", "x", "--student", "tiny", "--config", "small",
               "--epochs", 1, "--loop", 1, "--batch-size", 1, "--voxel-size", 0.5)  # fmt: skip
    refused = ovstore(store, *command)
    assert refused.exit_code == 1
    assert "scans/grey has no colours, which are the student's input:" in refused.stderr
    trained = ovstore(store, *command, "--scene", "painted")
    assert trained.exit_code == 0, trained.output
    result = ovstore(store, "distill", "--out", "x", "--write-only")
    assert result.exit_code == 1
    assert "grey  failed: its points have no colour, which is the student's input" in result.stderr
    assert "painted  up to date" in result.stdout


def test_the_options_of_training_student_and_encoder_are_in_the_help(rooms: Database) -> None:
    text = ovstore(rooms, "distill", "--config", "openscene_scannet", "--encoder", "tiny", "--help").stdout
    assert "Training (defaults of --config openscene_scannet):" in text
    assert "Options of --student minkunet18a:" in text
    assert "--encoder-weights" in text
    assert re.search(r"--inputs \[ones\|color\]\s+input of a voxel: 1, 1, 1 or its colour\s+\[default: ones\]", text)
