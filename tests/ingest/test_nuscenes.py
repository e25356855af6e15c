"""nuScenes: the release's tables, cameras and sweeps, each by the vehicle's pose at its own time."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from generated_room import recording
from ovstore.core.errors import BadInput, BadScene
from ovstore.core.scene import Scene
from ovstore.ingest.checks.checks import check_scene
from ovstore.ingest.datasets import nuscenes
from ovstore.ingest.datasets.nuscenes import Options
from ovstore.ingest.files.json_rows import read_json_rows
from ovstore.ingest.formats.nuscenes.splits import scenes_of, split_of
from ovstore.ingest.fusion.visibility import correspond
from ovstore.ingest.generated.folder import FolderOptions as SetOptions
from ovstore.ingest.generated.folder import generate_set
from ovstore.ingest.generated.formats import nuscenes as written
from ovstore.ingest.generated.lidar import driving_class
from ovstore.ingest.generated.nuscenes_rows import CATEGORIES
from ovstore.ingest.generated.render import cast

NAME, OTHER = "scene-0061", "scene-0103"
TABLES = "v1.0-mini"
EVERYTHING = {"voxel_size": 0.0, "ego_radius": 0.0}
SWEEP = Options(unit="keyframe", sweep_seconds=0.0, **EVERYTHING)
TRACKED = [frame for frame in recording().frames if np.isfinite(frame.camera_to_world).all()]
DEVKIT = "OVSTORE_NUSCENES_PYTHON"  # an interpreter with nuscenes-devkit, which needs an older numpy than ovstore


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of two scenes; not to be changed."""
    root = tmp_path_factory.mktemp("nuscenes") / "release"
    for name in (NAME, OTHER):
        (root / name).mkdir(parents=True)
        written.write(root / name, replace(recording(), name=name))
    written.write_set(root, [NAME, OTHER])
    return root


@pytest.fixture
def release(made: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return shutil.copytree(made, tmp_path / "release")


def load(root: Path, options: Options | None = None, name: str = NAME) -> Scene:
    return nuscenes.load_scene(root, name, options or Options(), root / "unpacked")


def change(root: Path, table: str, edit: Callable[[list[dict[str, Any]]], Any]) -> None:
    """Edit a table's rows in place, or put what `edit` returns in their place."""
    path = root / TABLES / f"{table}.json"
    rows = json.loads(path.read_text())
    result = edit(rows)
    path.write_text(json.dumps(rows if result is None else result))


def seen_objects(scene: Scene, keyframe: int) -> np.ndarray:
    """(N,) the object of the recording that each point of a keyframe's sweep lies on."""
    ego = written.ego_to_world(TRACKED[keyframe].camera_to_world, 0)
    origin = (ego @ written.LIDAR_TO_EGO)[:3, 3]
    geometry = recording().scene.geometry
    hits = cast(geometry, origin, scene.points.xyz - origin)
    assert np.median(np.abs(hits.depth - 1)) < 1e-5 and (np.abs(hits.depth - 1) < 1e-3).mean() > 0.999
    return geometry.part_object[geometry.face_part[hits.face]]


def test_a_drive_has_six_cameras_a_keyframe_each_by_the_pose_of_its_own_time(made: Path) -> None:
    scene = check_scene(load(made))
    assert len(scene.frames) == 6 * len(TRACKED) and scene.split == "train"
    assert [frame.name for frame in scene.frames[:6]] == [f"000_{channel}" for channel in written.CAMERAS]
    for number, truth in enumerate(TRACKED):
        for frame in scene.frames[6 * number : 6 * number + 6]:
            channel = frame.name[4:]
            ego = written.ego_to_world(truth.camera_to_world, written.CAMERAS[channel][1])
            np.testing.assert_allclose(frame.camera_to_world, ego @ written.camera_to_ego(channel), atol=1e-9)
        front = scene.frames[6 * number]
        np.testing.assert_allclose(front.camera_to_world, truth.camera_to_world, atol=1e-9)
        assert front.image_path.read_bytes() == truth.jpeg
        assert front.camera == recording().color_camera and front.depth_path is None
    assert scene.frames[0].timestamp == pytest.approx(scene.frames[5].timestamp + 0.008, abs=1e-5)


@pytest.mark.parametrize("keyframe", [0, 4])
def test_a_sweep_lies_on_what_the_lidar_hit_with_the_categories_of_those_things(made: Path, keyframe: int) -> None:
    scene = load(made, SWEEP, f"{NAME}_{keyframe:03d}")
    assert len(scene.frames) == 6 and {frame.name[:4] for frame in scene.frames} == {f"{keyframe:03d}_"}
    owner = seen_objects(scene, keyframe)
    points, kinds = scene.points, [driving_class(placed) for placed in recording().scene.objects]
    assert points.labels is not None and points.instances is not None
    right = points.labels == np.array([kind.nuscenes for kind in kinds])[owner]
    assert right.mean() > 0.995  # a ray along an edge may be told otherwise
    assert {points.label_names[label] for label in set(points.labels.tolist())} <= set(CATEGORIES)
    countable = np.array([kind.countable for kind in kinds])[owner]
    assert ((points.instances >= 0) == countable)[right].all()
    assert (points.instances[countable] // 1000 == points.labels[countable]).all()


def test_the_front_camera_sees_the_sweep_where_its_picture_shows_those_things(made: Path) -> None:
    from ovstore.ingest.generated.render import render

    scene = load(made, SWEEP, f"{NAME}_002")
    truth = render(recording().scene.geometry, recording().color_camera, TRACKED[2].camera_to_world)
    seen = correspond(scene.points.xyz, scene.frames[0], 0, None)
    column, row = np.rint(seen.uv).astype(int).T
    nearest = np.abs(truth.depth[row, column] - seen.depth) < 0.02  # nothing in front
    assert nearest.sum() > 200
    agree = truth.instance[row, column] == seen_objects(scene, 2)[seen.point_index]
    assert agree[nearest].mean() > 0.95


def test_a_keyframe_takes_the_sweeps_of_the_half_second_before_it_without_labels(made: Path) -> None:
    name = f"{NAME}_003"
    counts = {
        seconds: len(load(made, replace(SWEEP, sweep_seconds=seconds), name).points) for seconds in (0.0, 0.2, 0.5, 0.9)
    }
    assert 0 < counts[0.0] < counts[0.2] < counts[0.5] < counts[0.9]
    points = load(made, Options(unit="keyframe", **EVERYTHING), name).points
    assert len(points) == counts[0.5] and points.labels is not None
    assert (points.labels[: counts[0.0]] >= 0).all() and (points.labels[counts[0.0] :] == -1).all()
    first = load(made, Options(unit="keyframe", **EVERYTHING), f"{NAME}_000").points
    assert first.labels is not None and (first.labels >= 0).all()


def test_points_of_a_drive_are_one_a_voxel_the_first_and_labelled_before_others(made: Path) -> None:
    every = load(made, Options(**EVERYTHING)).points
    single = [load(made, SWEEP, f"{NAME}_{k:03d}").points for k in range(len(TRACKED))]
    np.testing.assert_array_equal(every.xyz, np.concatenate([points.xyz for points in single]))
    thin = load(made, Options(voxel_size=0.2, ego_radius=0.0, sweep_seconds=0.5)).points
    cells = np.floor((thin.xyz - np.floor(every.xyz[0])) / 0.2)
    assert len(np.unique(cells, axis=0)) == len(thin) < len(every) / 4
    assert thin.labels is not None and (thin.labels >= 0).mean() > 0.8
    np.testing.assert_array_equal(thin.xyz[0], every.xyz[0])


def test_points_on_the_vehicle_itself_are_left_out_on_request(made: Path) -> None:
    every = load(made, SWEEP, f"{NAME}_001")
    ego = written.ego_to_world(TRACKED[1].camera_to_world, 0) @ written.LIDAR_TO_EGO
    local = (every.points.xyz - ego[:3, 3]) @ ego[:3, :3]
    near = (np.abs(local[:, :2]) < 1.5).all(axis=1)
    left = load(made, replace(SWEEP, ego_radius=1.5), f"{NAME}_001")
    assert 0 < near.sum() < len(near)
    np.testing.assert_allclose(left.points.xyz, every.points.xyz[~near])


def test_without_panoptic_labels_the_boxes_tell_the_instances(release: Path) -> None:
    with_panoptic = load(release, SWEEP, f"{NAME}_001").points
    shutil.rmtree(release / "panoptic")
    with_boxes = load(release, SWEEP, f"{NAME}_001").points
    assert with_panoptic.instances is not None and with_boxes.instances is not None
    np.testing.assert_array_equal(with_boxes.labels, with_panoptic.labels)
    both = (with_panoptic.instances >= 0) & (with_boxes.instances >= 0)
    assert both.sum() > 0.8 * (with_panoptic.instances >= 0).sum()
    pairs = set(zip(with_panoptic.instances[both].tolist(), with_boxes.instances[both].tolist(), strict=True))
    assert len(pairs) == len({one for one, _ in pairs}) == len({other for _, other in pairs})
    shutil.rmtree(release / "lidarseg")
    boxed = load(release, SWEEP, f"{NAME}_001").points
    assert boxed.labels is not None and ((boxed.labels >= 0) >= (with_boxes.instances >= 0)).all()
    assert set(boxed.label_names.values()) <= {"movable_object.pushable_pullable", "movable_object.trafficcone"}
    change(release, "sample_annotation", lambda rows: [])  # v1.0-test
    assert load(release, SWEEP, f"{NAME}_001").points.labels is None


def test_without_lidarseg_panoptic_labels_tell_the_categories(release: Path) -> None:
    before = load(release, SWEEP, f"{NAME}_001").points
    shutil.rmtree(release / "lidarseg")
    np.testing.assert_array_equal(load(release, SWEEP, f"{NAME}_001").points.labels, before.labels)


def test_labels_of_another_set_than_category_json_are_refused(release: Path) -> None:
    path = sorted((release / "lidarseg" / TABLES).iterdir())[0]
    labels = np.frombuffer(path.read_bytes(), np.uint8).copy()
    labels[7] = 77
    path.write_bytes(labels.tobytes())
    with pytest.raises(BadScene, match=r"_lidarseg\.bin: label 77 is not an index of .*category\.json, which has \d+ "):
        load(release)
    shutil.rmtree(release / "lidarseg")
    path = sorted((release / "panoptic" / TABLES).iterdir())[0]
    np.savez(path, data=np.full(len(labels), 77003, np.uint32))
    with pytest.raises(BadScene, match=r"_panoptic\.npz: label 77 is not an index of"):
        load(release)


def test_stride_and_limit_choose_keyframes_and_pictures(made: Path) -> None:
    scene = load(made, Options(frame_stride=3, **EVERYTHING))
    assert sorted({frame.name[:3] for frame in scene.frames}) == ["000", "003", "006"]
    assert len(scene.points) == sum(len(load(made, SWEEP, f"{NAME}_{k:03d}").points) for k in (0, 3, 6))
    assert len(load(made, Options(frame_limit=5)).frames) == 5
    names = nuscenes.scene_names(made, Options(unit="keyframe", frame_stride=3))
    assert names == [f"{name}_{k:03d}" for name in (NAME, OTHER) for k in (0, 3, 6)]


def test_the_official_splits_are_as_large_as_they_are() -> None:
    splits = {split: scenes_of(split) for split in ("train", "val", "test")}
    assert {split: len(scenes) for split, scenes in splits.items()} == {"train": 700, "val": 150, "test": 150}
    assert len(frozenset().union(*splits.values())) == 1000
    assert {"scene-0008", "scene-0009", "scene-1107"} <= splits["train"]  # of SLidR's list of 100
    assert (split_of("scene-0003"), split_of("scene-0077"), split_of("scene-0137")) == ("val", "test", None)
    assert split_of("scene-0553") == "val" and split_of("scene-0553", mini=True) == "train"
    assert scenes_of("val", mini=True) == {"scene-0103", "scene-0916"} and len(scenes_of("train", mini=True)) == 8


def test_scenes_of_a_split_and_of_a_version(release: Path) -> None:
    assert nuscenes.scene_names(release, Options()) == [NAME, OTHER]
    assert nuscenes.scene_names(release, Options(split="val")) == [OTHER]
    with pytest.raises(BadInput, match="none of its 2 scenes is of the split 'test'"):
        nuscenes.scene_names(release, Options(split="test"))
    shutil.copytree(release / TABLES, release / "v1.0-trainval")
    with pytest.raises(BadInput, match=r"several versions; choose one with --version: v1\.0-mini, v1\.0-trainval"):
        nuscenes.scene_names(release, Options())
    assert nuscenes.scene_names(release, Options(version="v1.0-trainval")) == [NAME, OTHER]
    assert load(release, Options(version="v1.0-trainval")).points.instances is not None  # boxes; labels are mini's
    with pytest.raises(BadInput, match=r"no --version 'v1\.0'; there are: v1\.0-mini, v1\.0-trainval"):
        nuscenes.scene_names(release, Options(version="v1.0"))


def test_files_that_were_not_downloaded_are_counted(release: Path) -> None:
    for path in sorted((release / "samples/CAM_BACK").iterdir())[:3]:
        path.unlink()
    sorted((release / "samples/LIDAR_TOP").iterdir())[0].unlink()
    scene = load(release)
    assert len(scene.frames) == 6 * len(TRACKED) - 3
    assert "3 of 48 frames skipped: no such file (samples/CAM_BACK/" in scene.findings[0]
    assert scene.findings[1].startswith("1 of 8 sweeps skipped: no such file (samples/LIDAR_TOP/")
    shutil.rmtree(release / "samples/LIDAR_TOP")
    with pytest.raises(BadScene, match=r"scene-0061: none of its 8 lidar sweeps exists .*unpack the release's blobs"):
        load(release)


def test_poses_that_are_not_there_are_counted(release: Path) -> None:
    change(release, "ego_pose", lambda rows: rows[2:])  # of the lidar's first sweep and of the front camera
    frames, sweeps = load(release).findings
    assert frames.startswith("1 of 48 frames skipped: ego_pose.json has no pose for them (samples/CAM_FRONT/")
    assert sweeps.startswith("1 of 8 sweeps skipped: ego_pose.json has no pose for them (samples/LIDAR_TOP/")


def test_tables_are_read_once_until_they_change(release: Path) -> None:
    from ovstore.ingest.files.confined import Confined
    from ovstore.ingest.formats.nuscenes.tables import read_tables

    first = read_tables(release / TABLES, Confined(release))
    assert read_tables(release / TABLES, Confined(release)) is first
    change(release, "ego_pose", lambda rows: None)
    assert read_tables(release / TABLES, Confined(release)) is not first


def _field(key: str, value: object) -> Callable[[list[dict[str, Any]]], None]:
    return lambda rows: rows[0].update({key: value})


@pytest.mark.parametrize(
    "table, edit, said",
    [
        ("scene", _field("nbr_samples", "40"), r"scene\.json: scene scene-0061 with 'nbr_samples': '40'; 1 to 10000"),
        ("scene", _field("name", "../x"), r"a scene named '\.\./x'; letters, digits"),
        ("scene", _field("name", "s" * 300), "a scene named 's{80}'; letters, digits"),
        ("scene", lambda rows: [rows[0], rows[0]], "two scenes are named 'scene-0061'"),
        ("scene", lambda rows: {"scene": rows}, r"scene\.json: a JSON array of rows was expected; it begins with '{"),
        ("sample", lambda rows: [1], r"sample\.json: row 1 is a int; an object was expected"),
        ("sample", lambda rows: rows[8:], r"is of a sample that sample\.json does not have"),
        ("sample_data", _field("filename", "../../etc/passwd"), "'../../etc/passwd' leads out of the scan's folder"),
        ("sample_data", _field("timestamp", 1.5), r"row '[0-9a-f]{32}': 'timestamp' is 1\.5; a whole number was exp"),
        ("sample_data", lambda rows: [{**row, "width": 0} for row in rows], "An image of 0x120 pixels has no content"),
        ("sample_data", _field("token", "../a"), r"the token '\.\./a'; up to 100 letters"),
        ("calibrated_sensor", _field("sensor_token", "x"), r"is of sensor 'x', which sensor\.json does not have"),
        ("calibrated_sensor", _field("camera_intrinsic", []), r"'camera_intrinsic' is \[\]; 9 numbers were expected"),
        ("ego_pose", _field("rotation", [1, 1, 0, 0]), r"a 'rotation' of length 1\.414; a unit quaternion was expec"),
        ("ego_pose", _field("translation", [0, 0, 1e300]), r"'translation' is \[0, 0, 1e\+300\]; 3 numbers were exp"),
        ("category", lambda rows: [{"token": r["token"], "name": r["name"]} for r in rows], "no 'index' in it, though"),
        ("instance", _field("category_token", "x"), "row 1 is of a category that category.json does not have"),
    ],
)  # fmt: skip
def test_rows_that_cannot_be_are_one_sentence(release: Path, table: str, edit: Any, said: str) -> None:
    if table == "instance":
        shutil.rmtree(release / "panoptic")
    change(release, table, edit)
    with pytest.raises(BadScene, match=said):
        load(release)


def test_labels_of_another_sweep_are_refused(release: Path) -> None:
    path = sorted((release / "lidarseg" / TABLES).iterdir())[0]
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BadScene, match=r"_lidarseg\.bin: [\d,]+ labels of one byte; its sweep has [\d,]+ points"):
        [load(release, name=name) for name in (NAME, OTHER)]


def test_a_sweep_of_anything_else_is_refused(release: Path) -> None:
    path = sorted((release / "samples/LIDAR_TOP").glob(f"*{NAME}*"))[0]
    content = path.read_bytes()
    path.write_bytes(content[:-3])
    with pytest.raises(BadScene, match=r"bytes; a sweep has 20 a point \(5 float32\)"):
        load(release)
    path.write_bytes(np.full(len(content) // 4, np.nan, "<f4").tobytes())
    with pytest.raises(BadScene, match="points are not finite or beyond 500 m; not a lidar sweep"):
        load(release)


@pytest.mark.parametrize("text, rows", [("[]", 0), (' [ {"a": "}]"} ,\n{"a": [1, {}]}]\n', 2)])
def test_a_table_is_read_row_by_row(tmp_path: Path, text: str, rows: int) -> None:
    (tmp_path / "table.json").write_text(text)
    assert list(read_json_rows(tmp_path / "table.json")) == json.loads(text)


def test_a_table_larger_than_what_is_read_at_once_loses_no_row(tmp_path: Path) -> None:
    rows = [{"token": f"{k:032x}", "text": "é" * (k % 97)} for k in range(40_000)]
    (tmp_path / "table.json").write_text(json.dumps(rows, indent=0, ensure_ascii=False), encoding="utf-8")
    assert list(read_json_rows(tmp_path / "table.json")) == rows


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "a JSON array of rows was expected; it begins with ''"),
        ("[{}", "'' after row 1 where a comma"),
        ("[{},", "truncated, in row 2"),
        ("[{} {}]", "'{' after row 1"),
        ("[{}] x", "something follows the table's end"),
        ("[" * 100_000, "in row 1"),
        ('[{"a": ' + "9" * 5000 + "}]", "in row 1"),
    ],
)
def test_a_table_that_is_none_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "table.json").write_text(text)
    with pytest.raises(BadScene, match=said):
        list(read_json_rows(tmp_path / "table.json"))


def test_a_generated_release_is_replaced_whole(tmp_path: Path) -> None:
    small = SetOptions(frames=3, color_size=(64, 48), depth_size=(48, 36), spacing=0.2, clutter=0.2)
    root = tmp_path / "set"
    truth = generate_set("nuscenes", root, 1, 4, small)
    assert nuscenes.scene_names(root, Options()) == [scene["scene"] for scene in truth["scenes"]]
    assert sorted(path.name for path in root.iterdir()) == sorted([*written.SHARED, "truth.json"])
    files = {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    with pytest.raises(BadInput, match=r"truth\.json exist already"):
        generate_set("nuscenes", root, 1, 4, small)
    generate_set("nuscenes", root, 1, 5, small, force=True)
    generate_set("nuscenes", root, 1, 4, small, force=True)
    assert {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()} == files


def test_a_real_release_is_never_joined_with_generated_scenes(tmp_path: Path) -> None:
    (tmp_path / "samples").mkdir()
    for force in (False, True):
        with pytest.raises(BadInput, match="samples exists, but does not belong to a generated set"):
            generate_set("nuscenes", tmp_path, 1, 0, force=force)


@pytest.fixture(scope="module")
def official(made: Path) -> list[dict[str, Any]]:
    """What nuscenes-devkit reads of the release."""
    python = os.environ.get(DEVKIT) or (sys.executable if importlib.util.find_spec("nuscenes") else None)
    if python is None:
        pytest.skip(f"needs nuscenes-devkit, here or in the Python that {DEVKIT} names")
    referee = Path(__file__).parents[1] / "helpers/nuscenes_referee.py"
    done = subprocess.run([python, str(referee), str(made), TABLES], capture_output=True, check=True, text=True)
    return [sample for sample in json.loads(done.stdout) if sample["scene"] == NAME]


def test_the_official_reader_projects_the_sweep_to_the_same_pixels(made: Path, official: list[dict[str, Any]]) -> None:
    assert len(official) == len(TRACKED)
    for number, sample in enumerate(official):
        scene = load(made, SWEEP, f"{NAME}_{number:03d}")
        for frame in scene.frames:
            theirs = sample["pictures"][frame.name[4:]]
            np.testing.assert_allclose(frame.camera_to_world, theirs["camera_to_world"], atol=1e-9)
            np.testing.assert_allclose(frame.camera.matrix, theirs["intrinsic"], atol=1e-9)
            seen = correspond(scene.points.xyz, frame, 0, None)
            inner = (seen.depth > 0.2) & (seen.uv > 1).all(axis=1)
            inner &= (seen.uv < np.array([frame.camera.width, frame.camera.height]) - 1).all(axis=1)
            assert abs(int(inner.sum()) - len(theirs["uv"])) <= 3  # theirs are float32: a point may cross the edge
            if inner.sum() == len(theirs["uv"]):
                np.testing.assert_allclose(seen.uv[inner], theirs["uv"], atol=0.01)
                np.testing.assert_allclose(seen.depth[inner], theirs["depth"], atol=1e-4)


def test_the_official_reader_gathers_the_same_sweeps_and_names(made: Path, official: list[dict[str, Any]]) -> None:
    for number, sample in enumerate(official):
        points = load(made, Options(unit="keyframe", ego_radius=1.0), f"{NAME}_{number:03d}").points
        ours, theirs = np.sort(points.xyz, axis=0), np.sort(np.array(sample["sweeps"]), axis=0)
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
        keyframe = load(made, SWEEP, f"{NAME}_{number:03d}").points
        assert keyframe.labels is not None
        assert [keyframe.label_names[label] for label in keyframe.labels.tolist()] == sample["names"]
