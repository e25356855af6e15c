"""Replica: NICE-SLAM's and vMAP's renders with the labels of the release."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from ovstore.core.errors import BadInput, BadScene
from ovstore.core.scene import Camera, Frame, Scene
from ovstore.ingest.checks.checks import check_scene
from ovstore.ingest.compat.openscene import CONSTANTS, VISIBILITY, working_images
from ovstore.ingest.datasets import replica
from ovstore.ingest.datasets.replica import Options
from ovstore.ingest.files.images import read_depth, read_image
from ovstore.ingest.files.ply import read_ply
from ovstore.ingest.fusion.visibility import VisibilityOptions
from PIL import Image

pytest.importorskip("embreex", reason="needs the extra 'generate'")
import generated_room
from generated_room import contents, recording, tracked
from ovstore.ingest.generated.formats import replica as written
from ovstore.ingest.generated.registered import registered

EVERY = Options(frame_stride=1)


def write(root: Path, name: str = "office0") -> Path:
    return generated_room.write("replica", root / name)


def load(root: Path, name: str = "office0", options: Options = EVERY) -> Scene:
    return replica.load_scene(root, name, options, root / "unpacked")


def test_what_was_recorded_is_read(tmp_path: Path) -> None:
    assert len(contents(write(tmp_path))) == 2 * 9 + 5
    scene, made = check_scene(load(tmp_path)), recording()
    assert [frame.name for frame in scene.frames] == [f"frame{number:06d}" for number in tracked()]
    assert any(f.startswith("1 of 9 frames skipped: no valid camera_to_world (frame") for f in scene.findings)
    for frame, number in zip(scene.frames, tracked(), strict=True):
        np.testing.assert_array_equal(frame.camera_to_world, made.frames[number].camera_to_world)
        assert frame.camera == frame.depth_camera == made.color_camera
        assert frame.image_path.read_bytes() == made.frames[number].jpeg
        assert frame.depth_path is not None and frame.depth_scale == 6553.5
        depth = read_depth(frame.depth_path, frame.depth_scale)
        expected = registered(made.frames[number].depth, made.depth_camera, made.color_camera) / 1000
        assert np.abs(depth - expected).max() < 1e-4
    np.testing.assert_array_equal(scene.points.xyz, made.mesh.xyz)
    np.testing.assert_array_equal(scene.points.rgb, made.mesh.rgb)


def test_labels_are_those_of_the_faces_at_a_point(tmp_path: Path) -> None:
    write(tmp_path)
    points, made = load(tmp_path).points, recording()
    assert points.labels is not None and points.instances is not None
    truth = [made.scene.objects[i].label for i in made.mesh.object_id]
    found = [points.label_names.get(int(label)) for label in points.labels]
    on_faces = np.isin(np.arange(len(points)), made.mesh.faces)
    assert np.mean([a == b for a, b, on in zip(truth, found, on_faces, strict=True) if on]) > 0.98
    np.testing.assert_array_equal(points.instances[~on_faces], -1)


def test_a_vertex_of_two_objects_goes_to_the_one_with_more_faces_then_to_the_lower(tmp_path: Path) -> None:
    xyz = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0], [2, 0, 0], [9, 9, 9]], np.float32)
    faces = np.array([[0, 1, 2], [1, 2, 3], [1, 3, 4]], np.int32)
    folder = tmp_path / "habitat"
    folder.mkdir()
    (folder / "mesh_semantic.ply").write_bytes(
        written.semantic_ply(xyz, np.zeros((6, 3), np.uint8), faces, np.array([8, 5, 5], np.int32))
    )
    objects = [{"id": 5, "class_id": 40, "class_name": "floor"}, {"id": 8, "class_id": -1, "class_name": "undefined"}]
    (folder / "info_semantic.json").write_text(json.dumps({"objects": objects}))
    semantics = replica.read_semantics(folder, replica.Confined(folder))
    assert semantics.instances.tolist() == [8, 5, 5, 5, 5, -1]  # row 2 is of one face each
    assert semantics.labels.tolist() == [-1, 40, 40, 40, 40, -1]
    assert semantics.label_names == {40: "floor"}


def test_objects_that_the_json_does_not_tell_of_are_of_another_scene(tmp_path: Path) -> None:
    folder = generated_room.write("replica", tmp_path / "room")
    path = folder / "habitat/info_semantic.json"
    body = json.loads(path.read_text())
    body["id_to_label"], body["objects"] = body["id_to_label"][:2], body["objects"][:2]
    path.write_text(json.dumps(body))
    with pytest.raises(BadScene, match=r"mesh_semantic\.ply: object \d+, but .*info_semantic\.json describes 2"):
        replica.read_semantics(folder / "habitat", replica.Confined(folder))


def test_files_lie_where_nice_slam_has_them(tmp_path: Path) -> None:
    """The mesh and the camera beside the scene's folder, the release's rooms with an underscore."""
    folder = write(tmp_path)
    expected = load(tmp_path)
    (folder / "mesh.ply").rename(tmp_path / "office0_mesh.ply")
    (folder / "cam_params.json").rename(tmp_path / "cam_params.json")
    (tmp_path / "office_0").mkdir()
    (folder / "habitat").rename(tmp_path / "office_0" / "habitat")
    for found in (load(tmp_path), load(folder)):
        assert found.frames[0].camera == expected.frames[0].camera
        np.testing.assert_array_equal(found.points.labels, expected.points.labels)
        assert "points: office0_mesh.ply" in found.findings
    (tmp_path / "office_0").rename(tmp_path / "release")
    (tmp_path / "replica_v1").mkdir()
    (tmp_path / "release").rename(tmp_path / "replica_v1" / "office_0")
    assert load(tmp_path).points.labels is None
    found = load(tmp_path, options=Options(1, labels=str(tmp_path / "replica_v1")))
    np.testing.assert_array_equal(found.points.labels, expected.points.labels)
    with pytest.raises(BadScene, match=r"--labels .*: no office_0/habitat/mesh_semantic\.ply in it"):
        load(tmp_path, options=Options(1, labels=str(tmp_path)))


def test_without_a_mesh_points_are_the_semantic_ones_else_made_from_depth(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "mesh.ply").unlink()
    assert "points: mesh_semantic.ply" in load(tmp_path).findings
    (folder / "habitat" / "mesh_semantic.ply").unlink()
    scene = check_scene(load(tmp_path, options=Options(1, voxel_size=0.05)))
    assert "points: fused from depth, one per voxel of 0.05 m" in scene.findings
    assert scene.points.labels is None


def test_vmaps_rooms_are_named_by_their_path(tmp_path: Path) -> None:
    folder = tmp_path / "room_0" / "imap" / "00"
    camera = Camera(160, 120, 80.0, 80.0, 79.5, 59.5)  # 90 degrees
    for part in ("rgb", "depth"):
        (folder / part).mkdir(parents=True)
    twice = [*tracked().values()] * 2
    for number, frame in enumerate(twice):
        Image.new("RGB", (160, 120), (number, 0, 0)).save(folder / f"rgb/rgb_{number}.png")
        Image.fromarray(frame.depth).save(folder / f"depth/depth_{number}.png")
    np.savetxt(folder / "traj_w_c.txt", [f.camera_to_world.ravel() for f in twice])
    assert replica.scene_names(tmp_path, EVERY) == ["room_0-imap-00"]
    scene = load(tmp_path, "room_0-imap-00", Options(1, voxel_size=0.1))
    assert len(scene.frames) == 16
    for number, frame in enumerate(scene.frames):
        assert frame.name == f"rgb_{number}" and read_image(frame.image_path)[0, 0, 0] == number
        np.testing.assert_allclose(frame.camera_to_world, twice[number].camera_to_world)
        assert frame.camera == frame.depth_camera == camera and frame.depth_scale == 1000


def test_without_cam_params_a_render_of_1200x680_has_nice_slams_camera(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "cam_params.json").unlink()
    for kind in ("frame*.jpg", "depth*.png"):
        for path in (folder / "results").glob(kind):
            Image.open(path).resize((1200, 680), Image.Resampling.NEAREST).save(path)
    frame = load(tmp_path, options=Options(1, frame_limit=1)).frames[0]
    assert frame.camera == Camera(1200, 680, 600.0, 600.0, 599.5, 339.5)
    assert frame.depth_scale == 6553.5


def test_the_historical_focal_length_comes_under_compat_only() -> None:
    """openscene.md 1.5: 317.5 where the stretched picture has 320."""
    camera = Camera(1200, 680, 600.0, 600.0, 599.5, 339.5)
    frame = Frame("0", camera, np.eye(4), Path("0.jpg"), Path("0.png"), camera, 6553.5)
    assert working_images("replica", VisibilityOptions()).frame(frame) is frame
    compat = working_images("replica", VISIBILITY).frame(frame)
    assert compat.camera == Camera(640, 360, 317.5, 317.6470588235294, 319.5, 179.5)
    assert CONSTANTS["replica"].depth_scale == frame.depth_scale
    assert (CONSTANTS["replica"].depth_tolerance, CONSTANTS["replica"].border) == (0.25, 10)


def test_every_tenth_frame_is_taken_unless_told(tmp_path: Path) -> None:
    folder = write(tmp_path)
    results = folder / "results"
    rows = (folder / "traj.txt").read_text().splitlines()
    for number in range(9, 27):
        for kind, suffix in (("frame", "jpg"), ("depth", "png")):
            (results / f"{kind}{number:06d}.{suffix}").write_bytes((results / f"{kind}000000.{suffix}").read_bytes())
    (folder / "traj.txt").write_text("\n".join([*rows, *[rows[0]] * 18]) + "\n")
    scene = load(tmp_path, options=Options())
    assert [frame.name for frame in scene.frames] == ["frame000000", "frame000010", "frame000020"]


def test_the_release_alone_has_no_pictures_and_says_what_to_do(tmp_path: Path) -> None:
    folder = write(tmp_path, "office_0")
    shutil.rmtree(folder / "results")
    said = r"no images: use the renders published by NICE-SLAM or vMAP .*--labels"
    for root in (tmp_path, folder):
        with pytest.raises(BadInput, match=said):
            replica.scene_names(root, EVERY)
    with pytest.raises(BadScene, match=said):
        load(tmp_path, "office_0")
    with pytest.raises(BadInput, match="no Replica scene"):
        replica.scene_names(tmp_path / "office_0" / "habitat", EVERY)


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("habitat/info_semantic.json", "{}", "no list 'objects'"),
        ("habitat/info_semantic.json", '{"objects": [{"id": "7"}]}', "with 'id', 'class_id' and 'class_name'"),
        ("cam_params.json", '{"camera": {"fx": 600, "fy": 600, "cx": 1, "cy": 1, "scale": -1}}', "'scale' is -1"),
        ("traj.txt", "1 2 3\n", "are not poses"),
        ("traj.txt", None, "traj.txt: No such file"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(tmp_path: Path, file: str, content: str | None, said: str) -> None:
    path = write(tmp_path) / file
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    with pytest.raises(BadScene, match=said):
        load(tmp_path)


def test_a_semantic_mesh_without_object_ids_says_so(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "habitat/mesh_semantic.ply").write_bytes((folder / "mesh.ply").read_bytes())
    with pytest.raises(BadScene, match="'object_id'"):
        load(tmp_path)


def test_plyfile_reads_the_semantic_mesh_as_we_do(tmp_path: Path) -> None:
    plyfile = pytest.importorskip("plyfile", reason="the referee for .ply files")
    path = write(tmp_path) / "habitat/mesh_semantic.ply"
    other, ours = plyfile.PlyData.read(path), read_ply(path)
    np.testing.assert_array_equal(other["face"]["object_id"], ours.face_columns["object_id"])
    np.testing.assert_array_equal(np.stack(other["face"]["vertex_indices"]), ours.faces)
