"""What people see of a store: scenes, features, jobs, export, forget."""

import json
from pathlib import Path

import numpy as np
import pytest
import small_scene
from click.testing import CliRunner
from command_line import document, lines, ovstore
from ovstore.cli import main
from ovstore.store.catalog import catalog, jobs
from ovstore.store.maintain import verify
from ovstore.store.postgres.database import Database


@pytest.fixture
def held(store: Database, tmp_path: Path) -> Database:
    return small_scene.publish_two(store, tmp_path)


@pytest.mark.parametrize(
    ("command", "next_step"),
    [("scenes", "ovstore ingest"), ("features", "ovstore ingest"), ("jobs", "ovstore ingest"), ("jobs --failed", "No")],
)
def test_an_empty_store_lists_nothing_and_says_what_to_type(store: Database, command: str, next_step: str) -> None:
    result = ovstore(store, *command.split())
    assert (result.exit_code, result.stdout) == (0, "")
    assert next_step in result.stderr
    assert document(ovstore(store, *command.split(), "--json")) == []


def test_scenes_are_listed_with_what_they_hold(held: Database) -> None:
    hall, room = (f"{scene.seen_point_count / 600:.0%}" for scene in catalog.scenes(held))
    result = ovstore(held, "scenes")
    assert lines(result) == [
        "scene       split  frames  points  seen  features  notes",
        f"scans/hall  train       3     600   {hall}  toy           1",
        f"scans/room  train       3     600   {room}  toy           1",
    ]
    assert "ovstore show scans/hall" in result.stderr
    [told, _] = document(ovstore(held, "scenes", "--json"))
    assert (told["full_name"], told["point_count"], told["features"]) == ("scans/hall", 600, ["toy"])
    assert ovstore(held, "scenes", "--dataset", "scan").stderr == (
        "Error: No dataset named 'scan'. Did you mean 'scans'? Known: scans.\n"
    )


def test_features_are_listed_with_what_made_them(held: Database) -> None:
    listed = lines(ovstore(held, "features", "room"))
    assert listed[0].split() == [
        "scene",
        "features",
        "space",
        "made",
        "by",
        "points",
        "objects",
        "superpoints",
        "since",
    ]
    assert listed[1].split()[:4] == ["scans/room", "toy", "toy/16", "fused"]
    assert len(listed) == 2
    assert [features["scene"] for features in document(ovstore(held, "features", "--json"))] == ["hall", "room"]


def test_jobs_are_listed_newest_first(store: Database) -> None:
    jobs.finish(store, jobs.start(store, "scans", "room", {}), "4 s")
    jobs.fail(store, jobs.start(store, "scans", "hall", {}), "frame 3: camera_to_world is not a finite 4x4 matrix")
    listed = lines(ovstore(store, "jobs"))
    assert [line.split()[1:3] for line in listed[1:]] == [["scans/hall", "failed"], ["scans/room", "done"]]
    assert lines(ovstore(store, "jobs", "--failed"))[1].endswith("frame 3: camera_to_world is not a finite 4x4 matrix")
    assert [job["scene"] for job in document(ovstore(store, "jobs", "--failed", "--json"))] == ["hall"]


def test_forget_asks_and_says_what_goes(held: Database) -> None:
    result = ovstore(held, "forget", "room", input="n\n")
    assert result.exit_code == 1
    assert "scans/room: 3 frames, 600 points, features: toy" in result.stderr
    assert len(catalog.scenes(held)) == 2
    result = ovstore(held, "forget", "room", input="y\n")
    assert result.stdout.startswith("Forgotten: 1 scene, 1 feature set, 0.")
    assert [scene.name for scene in catalog.scenes(held)] == ["hall"]


def test_forgetting_leaves_neither_rows_nor_files(held: Database) -> None:
    unpacked = held.unpacked("scans", "room")
    unpacked.mkdir(parents=True)
    (unpacked / "frames.json").touch()
    jobs.finish(held, jobs.start(held, "scans", "room", {}))
    assert ovstore(held, "forget", "--dataset", "scans", "--yes").exit_code == 0
    left = [path for path in held.path.rglob("*") if path.is_file() and path.name != "store.json"]
    assert left == []
    with held.driver_connection() as connection:
        for table in ("datasets", "scenes", "frames", "feature_sets", "recipes", "regions", "region_views", "jobs"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table


def test_forgetting_features_keeps_the_scene(held: Database) -> None:
    result = ovstore(held, "forget", "--dataset", "scans", "--features", "toy", "--yes")
    assert result.stdout.startswith("Forgotten: 0 scenes, 2 feature sets")
    assert len(catalog.scenes(held)) == 2
    assert catalog.feature_sets(held) == []
    assert verify.check(held) == []


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("--yes",), 2, "Name what to forget"),
        (("romo", "--yes"), 1, "Did you mean 'room'?"),
        (("room", "--features", "clip", "--yes"), 1, "scans/room has no features named 'clip'. It has: toy."),
        (("--dataset", "scans", "--features", "clip", "--yes"), 1, "has no features named 'clip'"),
    ],
)
def test_forget_refuses_what_is_not_there(held: Database, arguments: tuple[str, ...], code: int, sentence: str) -> None:
    result = ovstore(held, "forget", *arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert sentence in result.stderr
    assert len(catalog.feature_sets(held)) == 2


def test_a_scene_that_is_being_ingested_is_not_forgotten(held: Database) -> None:
    jobs.start(held, "scans", "room", {})
    result = ovstore(held, "forget", "room", "--yes")
    assert result.exit_code == 1
    assert "is being ingested by" in result.stderr
    assert len(catalog.scenes(held)) == 2


def test_npz_holds_the_scene_in_its_original_order(held: Database, tmp_path: Path) -> None:
    small = small_scene.make()
    original = np.argsort(small.original_index)  # row of the store's order for each original row
    assert ovstore(held, "export", "npz", "room", tmp_path / "room.npz").exit_code == 0
    with np.load(tmp_path / "room.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["xyz"], small.scene.points.xyz[original])
        np.testing.assert_array_equal(arrays["superpoint"], small.superpoint[original])
        np.testing.assert_array_equal(arrays["object"], small.object_of_superpoint[small.superpoint[original]])
        corners = arrays["xyz"][arrays["faces"]]
        np.testing.assert_array_equal(corners, small.scene.points.xyz[small.scene.points.faces])
        assert (np.diff(arrays["point_index"]) > 0).all()
        row = {index: number for number, index in enumerate(small.features.point_index.tolist())}
        rows = [row[index] for index in original[arrays["point_index"]].tolist()]
        np.testing.assert_array_equal(arrays["vectors"], small.features.vectors[rows])
        np.testing.assert_array_equal(arrays["view_count"], small.features.view_count[rows])
        assert dict(zip(arrays["label_ids"].tolist(), arrays["label_names"].tolist(), strict=True)) == (
            small.scene.points.label_names
        )
        assert json.loads(str(arrays["about"]))["recipe"] == small_scene.FEATURES
        for region in catalog.regions(held, catalog.find_scene(held, "room").id, "object"):
            np.testing.assert_array_equal(arrays["object_region"] == region.id, arrays["object"] == region.ordinal)


@pytest.mark.parametrize("level", [None, "object", "superpoint"])
def test_ply_holds_the_scene_in_its_original_order(held: Database, tmp_path: Path, level: str | None) -> None:
    trimesh = pytest.importorskip("trimesh", reason="needs the extra 'generate'")
    small = small_scene.make()
    original = np.argsort(small.original_index)
    result = ovstore(held, "export", "ply", "room", tmp_path / "room.ply", *(("--level", level) if level else ()))
    assert result.stdout.startswith(f"{tmp_path}/room.ply  600 points"), result.output
    mesh = trimesh.load(tmp_path / "room.ply", process=False)
    np.testing.assert_array_equal(mesh.vertices, small.scene.points.xyz[original].astype(np.float32))
    colours = mesh.visual.vertex_colors[:, :3]
    if level is None:
        np.testing.assert_array_equal(colours, small.scene.points.rgb[original])
    else:
        of_point = {"superpoint": small.superpoint, "object": small.object_of_superpoint[small.superpoint]}[level]
        pairs = {
            (region, tuple(colour))
            for region, colour in zip(of_point[original].tolist(), colours.tolist(), strict=True)
        }
        assert len(pairs) == len({region for region, _ in pairs}) == len({colour for _, colour in pairs})


def test_export_never_replaces_a_file_unasked(held: Database, tmp_path: Path) -> None:
    out = tmp_path / "room.ply"
    out.write_text("mine")
    result = ovstore(held, "export", "ply", "room", out)
    assert (result.exit_code, result.stderr) == (
        1, f"Error: {out} exists: name another file, or replace it with --force.\n",
    )  # fmt: skip
    assert out.read_text() == "mine"
    assert ovstore(held, "export", "ply", "room", out, "--force").exit_code == 0
    assert out.read_bytes().startswith(b"ply\n")


@pytest.mark.parametrize(
    ("out", "sentence"),
    [("none/room.npz", "There is no folder"), (".", "is a folder: name a file")],
)
def test_export_into_nowhere_is_one_sentence(held: Database, tmp_path: Path, out: str, sentence: str) -> None:
    result = ovstore(held, "export", "npz", "room", tmp_path / out)
    assert result.exit_code == 1
    assert sentence in result.stderr


@pytest.mark.parametrize(
    "command", ["scenes", "features", "jobs", "forget", "export", "export ply", "export npz", "doctor"]
)
def test_help_closes_with_an_example(command: str) -> None:
    result = CliRunner().invoke(main, [*command.split(), "--help"])
    assert result.exit_code == 0
    assert f"    ovstore {command}" in result.stdout
