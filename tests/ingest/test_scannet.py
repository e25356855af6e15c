"""ScanNet: the release and SensReader's export of it are the same scene."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from ovstore.core.errors import BadInput, BadScene
from ovstore.core.scene import Scene
from ovstore.ingest.checks.checks import check_scene
from ovstore.ingest.datasets import scannet
from ovstore.ingest.datasets.scannet import Options
from ovstore.store.files.ply_writer import write_ply
from PIL import Image
from sens_file import SensFile, small

NAME = "scene0000_00"
EVERY = Options(frame_stride=1)
SEGMENT = np.repeat([7, 3, 900], 20)


def wall() -> np.ndarray:
    """60 points on the wall that `small` looks at."""
    x, y = np.meshgrid(np.linspace(-0.8, 1.0, 10), np.linspace(-0.7, 0.7, 6))
    return np.stack([x.ravel(), y.ravel(), np.full(60, 2.0)], axis=1)


def write(scans: Path, name: str = NAME, file: SensFile | None = None, *, aggregation: bool = True) -> Path:
    """A scene as ScanNet releases it."""
    folder = scans / name
    folder.mkdir(parents=True)
    (folder / f"{name}.sens").write_bytes((file or small(5)).content())
    faces = np.array([[0, 1, 10], [1, 11, 10]])
    rgb = np.full((60, 3), 99, np.uint8)
    xyz = wall().astype(np.float32)
    write_ply(folder / f"{name}_vh_clean_2.ply", xyz, rgb, faces=faces)
    nyu40 = np.repeat([5, 0, 40], 20)
    write_ply(folder / f"{name}_vh_clean_2.labels.ply", xyz, rgb, faces=faces, columns={"label": nyu40})
    segments = {"params": {}, "sceneId": name, "segIndices": SEGMENT.tolist()}
    (folder / f"{name}_vh_clean_2.0.010000.segs.json").write_text(json.dumps(segments))
    if aggregation:
        groups = [
            {"id": 0, "objectId": 0, "segments": [7], "label": "office chair"},
            {"id": 1, "objectId": 1, "segments": [900, 12345], "label": "door"},
        ]
        body = {"sceneId": name, "segmentsFile": f"scannet.{name}_vh_clean_2.0.010000.segs.json", "segGroups": groups}
        (folder / f"{name}.aggregation.json").write_text(json.dumps(body))
    (folder / f"{name}.txt").write_text(
        "axisAlignment = 0 1 0 5 -1 0 0 0 0 0 1 0 0 0 0 1\ncolorHeight = 48\ncolorWidth = 64\n"
    )
    return folder


def export(folder: Path, file: SensFile) -> None:
    """What SensReader writes in place of the recording."""
    (folder / f"{folder.name}.sens").unlink()
    for part in ("color", "depth", "pose", "intrinsic"):
        (folder / part).mkdir()
    for number, pose in enumerate(file.poses):
        (folder / f"color/{number}.jpg").write_bytes(file.color_blob(number))
        Image.fromarray(file.depths[number]).save(folder / f"depth/{number}.png")
        np.savetxt(folder / f"pose/{number}.txt", pose, fmt="%f")
    for which in ("color", "depth"):
        np.savetxt(folder / f"intrinsic/intrinsic_{which}.txt", getattr(file, f"intrinsic_{which}"), fmt="%f")
        np.savetxt(folder / f"intrinsic/extrinsic_{which}.txt", getattr(file, f"extrinsic_{which}"), fmt="%f")


def load(root: Path, tmp_path: Path, options: Options = EVERY, name: str = NAME) -> Scene:
    return scannet.load_scene(root, name, options, tmp_path / "unpacked")


def test_the_release_is_read_as_it_is(tmp_path: Path) -> None:
    write(tmp_path / "scans")
    scene = check_scene(load(tmp_path / "scans", tmp_path))
    assert [frame.name for frame in scene.frames] == ["000000", "000001", "000002", "000003"]
    assert any(f.startswith("1 of 5 frames skipped: no valid camera_to_world (") for f in scene.findings)
    frame = scene.frames[1]
    assert (frame.camera.width, frame.camera.fx, frame.camera.cx) == (64, 50.0, 31.5)
    assert frame.depth_camera is not None and (frame.depth_camera.width, frame.depth_camera.fx) == (32, 25.0)
    assert frame.depth_scale == 1000 and frame.depth_to_color is None
    assert frame.camera_to_world[0, 3] == pytest.approx(0.1)
    np.testing.assert_allclose(scene.points.xyz, wall(), atol=1e-6)  # no axis alignment
    assert scene.points.faces is not None and len(scene.points.faces) == 2


def test_objects_have_the_names_and_numbers_of_the_aggregation(tmp_path: Path) -> None:
    write(tmp_path)
    scene = load(tmp_path, tmp_path / "u")
    points = scene.points
    assert points.label_names == {0: "door", 1: "office chair"}
    assert points.labels is not None and points.instances is not None and points.segments is not None
    np.testing.assert_array_equal(points.labels, np.repeat([1, -1, 0], 20))
    np.testing.assert_array_equal(points.instances, np.repeat([0, -1, 1], 20))
    np.testing.assert_array_equal(points.segments, SEGMENT)
    assert f"{NAME}.aggregation.json names 1 segments that the mesh does not have" in scene.findings


def test_without_an_aggregation_labels_are_nyu40(tmp_path: Path) -> None:
    write(tmp_path, aggregation=False)
    points = load(tmp_path, tmp_path / "u").points
    assert points.label_names == {5: "chair", 40: "otherprop"}
    assert points.labels is not None
    np.testing.assert_array_equal(points.labels, np.repeat([5, -1, 40], 20))


def test_the_aggregation_of_the_fine_mesh_is_not_taken_for_the_coarse(tmp_path: Path) -> None:
    folder = write(tmp_path)
    body = json.loads((folder / f"{NAME}.aggregation.json").read_text())
    body["segmentsFile"] = f"scannet.{NAME}_vh_clean.segs.json"
    (folder / f"{NAME}.aggregation.json").rename(folder / f"{NAME}_vh_clean.aggregation.json").write_text(
        json.dumps(body)
    )
    assert load(tmp_path, tmp_path / "u").points.label_names == {5: "chair", 40: "otherprop"}


@pytest.mark.parametrize("extrinsic", [False, True])
def test_the_exported_folders_are_the_same_scene(tmp_path: Path, extrinsic: bool) -> None:
    file = small(5)
    if extrinsic:
        file.extrinsic_depth = np.eye(4, dtype=np.float32)
        file.extrinsic_depth[:3, 3] = 0.03, 0.01, 0.0
    recorded = write(tmp_path / "a", file=file)
    exported = shutil.copytree(recorded, tmp_path / "b" / NAME)
    export(exported, file)
    one, other = load(tmp_path / "a", tmp_path), load(tmp_path / "b", tmp_path)
    assert [frame.name for frame in one.frames] == [frame.name for frame in other.frames]
    for a, b in zip(one.frames, other.frames, strict=True):
        np.testing.assert_allclose(a.camera_to_world, b.camera_to_world, atol=1e-6)
        assert (a.camera, a.depth_camera, a.depth_scale) == (b.camera, b.depth_camera, b.depth_scale)
        assert a.image_path.read_bytes() == b.image_path.read_bytes()
        assert (a.depth_to_color is None) == (b.depth_to_color is None) == (not extrinsic)


def test_two_cameras_apart_are_told_apart(tmp_path: Path) -> None:
    """The recorded pose is the depth camera's: depth to colour to world is what was recorded."""
    file = small(3)
    file.extrinsic_depth = np.eye(4, dtype=np.float32)
    file.extrinsic_depth[:3, 3] = 0.03, 0.01, 0.0
    write(tmp_path, file=file)
    frame = load(tmp_path, tmp_path / "u").frames[1]
    assert frame.depth_to_color is not None
    np.testing.assert_allclose(frame.depth_to_color[:3, 3], [0.03, 0.01, 0], atol=1e-6)
    np.testing.assert_allclose(frame.camera_to_world @ frame.depth_to_color, file.poses[1], atol=1e-6)


def test_extrinsics_that_are_no_motion_are_a_finding(tmp_path: Path) -> None:
    write(tmp_path, file=small(3, extrinsic_depth=np.zeros((4, 4), np.float32)))
    scene = load(tmp_path, tmp_path / "u")
    assert scene.frames[0].depth_to_color is None
    assert any("extrinsics are not a rotation" in finding for finding in scene.findings)


def test_exported_images_that_were_shrunk_have_a_shrunk_camera(tmp_path: Path) -> None:
    file = small(2)
    folder = write(tmp_path, file=file)
    export(folder, file)
    for path in (folder / "color").iterdir():
        Image.open(path).resize((32, 24)).save(path)
    camera = load(tmp_path, tmp_path).frames[0].camera
    assert (camera.width, camera.fx, camera.cx) == (32, 25.0, 15.5)


@pytest.mark.parametrize("exported", [False, True])
def test_stride_and_limit_choose_evenly(tmp_path: Path, exported: bool) -> None:
    file = small(30)
    folder = write(tmp_path, file=file)
    if exported:
        export(folder, file)
    names = [f.name for f in load(tmp_path, tmp_path / "u", Options(frame_stride=7)).frames]
    assert names == ["000000", "000007", "000014", "000021", "000028"]
    names = [f.name for f in load(tmp_path, tmp_path / "u", Options(frame_stride=7, frame_limit=3)).frames]
    assert names == ["000000", "000014", "000028"]


def test_scenes_are_found_where_people_keep_them(tmp_path: Path) -> None:
    write(tmp_path / "scans", "scene0001_00")
    folder = write(tmp_path / "scans", NAME)
    write(tmp_path / "scans_test", "scene0707_00")
    (tmp_path / "scannetv2_val.txt").write_text("scene0001_00\nscene0644_00\n")
    assert scannet.scene_names(tmp_path, EVERY) == [NAME, "scene0001_00", "scene0707_00"]
    assert scannet.scene_names(tmp_path / "scans", EVERY) == [NAME, "scene0001_00"]
    assert scannet.scene_names(folder, EVERY) == [NAME]
    listed = Options(scene_list=str(tmp_path / "scannetv2_val.txt"))
    assert scannet.scene_names(tmp_path, listed) == ["scene0001_00", "scene0644_00"]
    with pytest.raises(BadScene, match="scene0644_00: no folder"):
        load(tmp_path, tmp_path, name="scene0644_00")
    assert load(tmp_path / "scans", tmp_path / "u", name="scene0001_00").split == "val"
    assert load(folder, tmp_path / "v").name == NAME
    with pytest.raises(BadInput, match="no ScanNet scene"):
        scannet.scene_names(tmp_path / "u", EVERY)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / f"{NAME}.sens").rename(tmp_path / "kept")
    with pytest.raises(BadScene, match=rf"neither {NAME}\.sens nor a folder 'color'"):
        load(tmp_path, tmp_path)
    (tmp_path / "kept").rename(folder / f"{NAME}.sens")
    (folder / f"{NAME}_vh_clean_2.ply").unlink()
    with pytest.raises(BadScene, match=r"no mesh scene0000_00_vh_clean_2\.ply"):
        load(tmp_path, tmp_path)


@pytest.mark.parametrize(
    "file, content, said",
    [
        ("_vh_clean_2.0.010000.segs.json", "{}", "'segIndices'"),
        ("_vh_clean_2.0.010000.segs.json", '{"segIndices": [1, 2]}', "2 segment ids; the mesh has 60"),
        ("_vh_clean_2.0.010000.segs.json", '{"segIndices": [[1], [2, 3]]}', "'segIndices'"),
        (".aggregation.json", '{"segGroups": [{"objectId": "x"}]}', "not an object"),
        (".aggregation.json", "\x80pickle", "not JSON"),
    ],
)
def test_labels_that_do_not_fit_are_one_sentence(tmp_path: Path, file: str, content: str, said: str) -> None:
    (write(tmp_path) / (NAME + file)).write_text(content)
    with pytest.raises(BadScene, match=said):
        load(tmp_path, tmp_path)


def test_a_vertex_that_is_not_finite_is_left_out_of_all_columns_and_counted(tmp_path: Path) -> None:
    whole = load(write(tmp_path / "whole").parent, tmp_path / "u").points
    folder = write(tmp_path / "scans")
    xyz, kept = wall().astype(np.float32), np.delete(np.arange(60), 10)
    xyz[10] = np.nan
    faces = np.array([[0, 1, 10], [1, 11, 2]])
    write_ply(folder / f"{NAME}_vh_clean_2.ply", xyz, np.full((60, 3), 99, np.uint8), faces=faces)
    scene = check_scene(load(tmp_path / "scans", tmp_path / "v"))
    assert "1 of 60 points left out: not finite" in scene.findings
    for name in ("xyz", "rgb", "labels", "instances", "segments"):
        np.testing.assert_array_equal(getattr(scene.points, name), getattr(whole, name)[kept])
    np.testing.assert_array_equal(scene.points.faces, [[1, 10, 2]])


def relabel(folder: Path, labels: list[int]) -> None:
    """Twenty vertices of each label in the .labels.ply."""
    write_ply(
        folder / f"{NAME}_vh_clean_2.labels.ply", wall().astype(np.float32), np.full((60, 3), 99, np.uint8),
        columns={"label": np.repeat(labels, 20)},
    )  # fmt: skip


ROWS = ["id\traw_category\tcategory\tcount\tnyu40id", "2\tchair\tchair\t9\t5", "22\tbooks\tbook\t8\t23",
        "230\tpiano\tpiano\t7\t39"]  # fmt: skip


def test_an_older_labels_ply_is_mapped_through_the_table_that_lies_beside(tmp_path: Path) -> None:
    relabel(write(tmp_path / "scans", aggregation=False), [2, 22, 230])
    (tmp_path / "scannetv2-labels.combined.tsv").write_text("\n".join(ROWS) + "\n")
    scene = load(tmp_path / "scans", tmp_path / "u")
    assert scene.points.labels is not None and scene.points.labels[::20].tolist() == [5, 23, 39]
    assert scene.points.label_names == {5: "chair", 23: "books", 39: "otherfurniture"}
    assert any("ids of raw categories" in finding for finding in scene.findings)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (
            None,
            r"label 230 is not a NYU40 class \(0 to 40\): older files have ids of raw categories; put scannetv2-labels",
        ),
        (ROWS[:3], r"label 230 is neither a NYU40 class nor an id of scannetv2-labels\.combined\.tsv"),
        (["id\tname"], r"combined\.tsv: no columns 'id' and 'nyu40id'"),
        ([ROWS[0], "2\tchair"], r"combined\.tsv: a row without whole numbers"),
    ],
)
def test_ids_that_are_no_nyu40_classes_are_refused(tmp_path: Path, table: list[str] | None, said: str) -> None:
    relabel(write(tmp_path, aggregation=False), [2, 22, 230])
    if table is not None:
        (tmp_path / "scannetv2-labels.combined.tsv").write_text("\n".join(table) + "\n")
    with pytest.raises(BadScene, match=said):
        load(tmp_path, tmp_path / "u")


@pytest.mark.parametrize("stray", [50, 149])
def test_the_stray_number_of_three_released_scans_is_no_label(tmp_path: Path, stray: int) -> None:
    relabel(write(tmp_path, aggregation=False), [5, 39, stray])
    (tmp_path / "scannetv2-labels.combined.tsv").write_text("\n".join(ROWS) + "\n")
    scene = load(tmp_path, tmp_path / "u")
    assert scene.points.labels is not None and scene.points.labels[::20].tolist() == [5, 39, -1]
    assert f"labels: {NAME}_vh_clean_2.labels.ply has {stray} at 20 vertices: no label" in scene.findings


def test_a_scene_without_any_tracked_frame_says_so(tmp_path: Path) -> None:
    write(tmp_path, file=_lost())
    with pytest.raises(BadScene, match=r"no usable frame .*3 of 3 frames skipped"):
        load(tmp_path, tmp_path)


def _lost() -> SensFile:
    file = small(3)
    file.poses = [np.full((4, 4), -np.inf, np.float32)] * 3
    return file


def test_links_stay_inside_the_scene_unless_allowed(tmp_path: Path) -> None:
    folder = write(tmp_path / "disk")
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / NAME).symlink_to(folder)  # scenes may be spread over disks
    assert load(tmp_path / "scans", tmp_path).name == NAME
    (folder / f"{NAME}.sens").rename(tmp_path / "elsewhere.sens")
    (folder / f"{NAME}.sens").symlink_to(tmp_path / "elsewhere.sens")
    with pytest.raises(BadScene, match=r"outside of the scan's folder .*--follow-links"):
        load(tmp_path / "scans", tmp_path)
    assert load(tmp_path / "scans", tmp_path, Options(1, follow_links=True)).name == NAME
