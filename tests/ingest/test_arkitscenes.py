"""ARKitScenes: files named by time, poses by time, boxes as labels, pictures on their side."""

import json
from pathlib import Path

import numpy as np
import pytest
import shared_case
from ovstore.core.errors import BadInput, BadScene
from ovstore.core.scene import Camera, Frame, Scene
from ovstore.ingest.cameras.upright import quarter_turns, turned, upright
from ovstore.ingest.checks.checks import check_scene
from ovstore.ingest.datasets import arkitscenes
from ovstore.ingest.datasets.arkitscenes import Options
from ovstore.ingest.files.images import read_depth, read_image
from ovstore.ingest.formats.arkitscenes.frames import nearest_rows, read_trajectory
from ovstore.ingest.fusion.visibility import correspond
from PIL import Image
from scipy.spatial.transform import Rotation

pytest.importorskip("embreex", reason="needs the extra 'generate'")
import generated_room
from generated_room import contents, recording, tracked

EVERY = Options(frame_stride=1)
NAME = "scene0000_00"


def write(root: Path) -> Path:
    return generated_room.write("arkitscenes", root / NAME)


def load(root: Path, options: Options = EVERY) -> Scene:
    return arkitscenes.load_scene(root, NAME, options, root / ".unpacked")


def test_what_was_recorded_is_read(tmp_path: Path) -> None:
    assert len(contents(write(tmp_path))) == 4 * 9 + 3
    scene, made = check_scene(load(tmp_path)), recording()
    assert [frame.name for frame in scene.frames] == [f"{6845.806 + 0.1 * number:.3f}" for number in tracked()]
    assert any(f.startswith("1 of 9 pictures skipped: no pose within 5 ms (") for f in scene.findings)
    for frame, number in zip(scene.frames, tracked(), strict=True):
        np.testing.assert_allclose(frame.camera_to_world, made.frames[number].camera_to_world, atol=1e-6)
        assert frame.camera.matrix == pytest.approx(made.color_camera.matrix, rel=1e-5)
        assert frame.depth_camera == frame.camera and frame.timestamp == float(frame.name)
        assert frame.depth_path is not None and read_depth(frame.depth_path, frame.depth_scale).max() < 7
        assert frame.image_path.parent.name == "lowres_wide"  # it is upright already
    np.testing.assert_allclose(scene.points.xyz, made.mesh.xyz)


def test_a_trajectory_line_is_world_to_camera(tmp_path: Path) -> None:
    """The first pose of 41048169 in the official repository's rectify_im.py, which says: 90 degrees clockwise."""
    numbers = [803.47236621, 1.6851560664954446, -1.7402208764128138, -0.8469396625258023, 0.0404551, 0.0562208]
    (tmp_path / "a.traj").write_text(" ".join(map(str, [*numbers, -0.00155703])) + "\n")
    times, poses = read_trajectory(tmp_path / "a.traj")
    assert times.tolist() == [803.47236621]
    inverse = np.eye(4)
    inverse[:3, :3] = Rotation.from_rotvec(numbers[1:4]).as_matrix()
    inverse[:3, 3] = [*numbers[4:], -0.00155703]
    np.testing.assert_allclose(poses[0] @ inverse, np.eye(4), atol=1e-12)
    camera = Camera(256, 192, 212.0, 212.0, 127.5, 95.5)
    assert quarter_turns([Frame("0", camera, poses[0], Path("0.png"))]) == [3]
    rotvec = [-1.5545600446434271, 1.532901960141653, 0.883467254271724]  # and of 41048143: 180 degrees
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_rotvec(rotvec).as_matrix().T
    assert quarter_turns([Frame("0", camera, pose, Path("0.png"))]) == [2]


def test_times_are_matched_to_the_nearest_within_5_ms() -> None:
    of = np.array([1.0, 1.1, 1.104])
    times = np.array([0.994, 0.995, 1.0, 1.0051, 1.1021, 1.109, 1.2])
    assert nearest_rows(times, of).tolist() == [-1, 0, 0, -1, 2, 2, -1]
    assert nearest_rows(times, np.empty(0)).tolist() == [-1] * 7


def test_points_have_the_label_of_the_smallest_box_they_lie_in(tmp_path: Path) -> None:
    folder = write(tmp_path)
    points, made = load(tmp_path).points, recording()
    assert points.labels is not None and points.instances is not None
    boxed = [placed for placed in made.scene.objects if placed.nyu40 not in (1, 2, 22)]
    own = np.isin(made.mesh.object_id, [placed.object_id for placed in boxed])
    truth = np.array([made.scene.objects[i].label for i in made.mesh.object_id])
    found = np.array([points.label_names.get(label, "") for label in points.labels.tolist()])
    assert (points.labels[own] >= 0).all()
    assert (truth[own] == found[own]).mean() > 0.8  # things on a table lie in its box as well
    turn = Rotation.from_rotvec([0, 0, 0.5]).as_matrix()
    box = {"centroid": [0, 0, 0], "axesLengths": [200, 2, 200], "normalizedAxes": turn.T.ravel().tolist()}
    (folder / f"{NAME}_3dod_annotation.json").write_text(
        json.dumps({"data": [{"label": "slab", "segments": {"obbAligned": box}}]})
    )
    points = load(tmp_path).points
    np.testing.assert_array_equal(points.labels == 0, np.abs(points.xyz @ turn[:, 1]) <= 1)


def test_the_set_3dod_and_its_splits_are_found(tmp_path: Path) -> None:
    folder = write(tmp_path / "Validation")
    expected = load(tmp_path)
    assert expected.split == "val"
    frames = folder / f"{NAME}_frames"
    frames.mkdir()
    for part in ("lowres_wide", "lowres_depth", "lowres_wide_intrinsics", "lowres_wide.traj"):
        (folder / part).rename(frames / part)
    for root in (tmp_path, tmp_path / "Validation", folder):
        assert arkitscenes.scene_names(root, EVERY) == [NAME]
        scene = load(root)
        assert scene.split == "val" and len(scene.frames) == len(expected.frames)
        np.testing.assert_array_equal(scene.points.labels, expected.points.labels)


def test_larger_pictures_have_a_larger_camera_and_the_same_depth(tmp_path: Path) -> None:
    folder = write(tmp_path)
    for part in ("vga_wide", "vga_wide_intrinsics"):
        (folder / part).mkdir()
    for path in sorted((folder / "lowres_wide").iterdir())[::2]:
        Image.open(path).resize((320, 240)).save(folder / "vga_wide" / path.name)
        camera = recording().color_camera.resized(320, 240)
        line = f"320 240 {camera.fx} {camera.fy} {camera.cx} {camera.cy}"
        (folder / "vga_wide_intrinsics" / f"{path.stem}.pincam").write_text(line)
    small, large = load(tmp_path), check_scene(load(tmp_path, Options(1, color="vga_wide")))
    assert {frame.name for frame in large.frames} < {frame.name for frame in small.frames}
    frame = large.frames[0]
    assert (frame.camera.width, frame.camera.height) == (320, 240)
    assert frame.depth_camera is not None and small.frames[0].depth_camera is not None
    assert frame.depth_camera.matrix == pytest.approx(small.frames[0].depth_camera.matrix, rel=1e-5)
    with pytest.raises(BadScene, match=r"highres_depth: No such file"):
        load(tmp_path, Options(1, depth="highres_depth"))


def test_without_a_mesh_points_are_made_from_depth(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / f"{NAME}_3dod_mesh.ply").unlink()
    scene = check_scene(load(tmp_path, Options(1, voxel_size=0.1)))
    assert any("points: fused from depth, one per voxel of 0.1 m" in finding for finding in scene.findings)
    assert scene.points.labels is not None and (scene.points.labels >= 0).any()


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_pictures_on_their_side_are_turned_until_the_sky_is_up(tmp_path: Path, turns: int) -> None:
    write(tmp_path)
    scene = load(tmp_path)
    sideways = tuple(turned(frame, turns, tmp_path / "sideways") for frame in scene.frames)
    count = len(scene.frames)
    assert quarter_turns(scene.frames) == [0] * count and quarter_turns(sideways) == [4 - turns] * count
    again, (finding,) = upright(sideways, tmp_path / "upright")
    assert finding.startswith(
        "images turned by " + {1: "90 degrees to the right", 2: "180 degrees", 3: "90 degrees to the left"}[turns]
    )
    for position, (one, side, other) in enumerate(zip(scene.frames, sideways, again, strict=True)):
        assert (side.camera.width, side.camera.height) == ((160, 120) if turns == 2 else (120, 160))
        assert other.camera == one.camera and other.depth_path == one.depth_path
        np.testing.assert_allclose(other.camera_to_world, one.camera_to_world, atol=1e-12)
        assert np.abs(read_image(other.image_path).astype(int) - read_image(one.image_path)).mean() < 3
        assert one.depth_path is not None and side.depth_to_color is not None
        np.testing.assert_allclose(side.camera_to_world @ side.depth_to_color, one.camera_to_world, atol=1e-12)
        depth = read_depth(one.depth_path, one.depth_scale)
        before, after = (correspond(scene.points.xyz, frame, position, depth) for frame in (one, side))
        np.testing.assert_array_equal(before.point_index, after.point_index)
        expected, found = np.rint(before.uv).astype(int), np.rint(after.uv).astype(int)
        picture, stored = read_image(one.image_path).astype(int), read_image(side.image_path).astype(int)
        difference = picture[expected[:, 1], expected[:, 0]] - stored[found[:, 1], found[:, 0]]
        assert np.median(np.abs(difference)) <= 2  # a point lands on the same thing


def test_a_phone_turned_while_it_recorded_has_each_picture_turned_by_its_own_pose(tmp_path: Path) -> None:
    write(tmp_path)
    scene = load(tmp_path)
    held = [1, 1, 0, 3, 0, 2, 0, 0, 1][: len(scene.frames)]  # no side has a majority
    mixed = tuple(
        turned(frame, turns, tmp_path / "mixed") if turns else frame
        for frame, turns in zip(scene.frames, held, strict=True)
    )
    again, (finding,) = upright(mixed, tmp_path / "upright")
    count = sum(turns > 0 for turns in held)
    assert finding.startswith(f"{count} of {len(held)} images turned, each by its own pose: ")
    for one, other in zip(scene.frames, again, strict=True):
        assert other.camera == one.camera
        np.testing.assert_allclose(other.camera_to_world, one.camera_to_world, atol=1e-12)
        assert np.abs(read_image(other.image_path).astype(int) - read_image(one.image_path)).mean() < 3


def test_the_phone_that_was_turned_midway_shows_every_picture_upright(tmp_path: Path) -> None:
    write(tmp_path / "source")
    shared_case.make("phone_turned_midway", tmp_path / "source", tmp_path / "out")
    scene, source = load(tmp_path / "out"), load(tmp_path / "source")
    assert any("images turned, each by its own pose" in finding for finding in scene.findings)
    for one, other in zip(source.frames, scene.frames, strict=True):
        assert (other.camera.width, other.camera.height) == (one.camera.width, one.camera.height)
        np.testing.assert_allclose(other.camera_to_world, one.camera_to_world, atol=1e-6)
        assert np.abs(read_image(other.image_path).astype(int) - read_image(one.image_path)).mean() < 3


def test_a_camera_that_looks_down_is_held_as_in_the_nearest_frame_with_a_sky() -> None:
    camera, down, level = Camera(4, 3, 4.0, 4.0, 1.5, 1.0), np.diag([1.0, -1, -1, 1]), np.eye(4)
    level[:3, :3] = [[1, 0, 0], [0, 0, 1], [0, -1, 0]]
    side = level.copy()
    side[:3, :3] = level[:3, :3] @ [[0, 1, 0], [-1, 0, 0], [0, 0, 1]]
    (turn,) = quarter_turns([Frame("0", camera, side, Path("0.png"))])
    assert turn in (1, 3) and quarter_turns([Frame("0", camera, down, Path("0.png"))]) == [0]
    path = [side, down, down, level, down]
    frames = [Frame(str(number), camera, pose, Path("0.png")) for number, pose in enumerate(path)]
    assert quarter_turns(frames) == [turn, turn, 0, 0, 0]


def test_pictures_stay_as_they_are_stored_when_asked(tmp_path: Path) -> None:
    folder = write(tmp_path)
    lines = (folder / "lowres_wide.traj").read_text().splitlines()
    table = np.array([[float(word) for word in line.split()] for line in lines])
    quarter = Rotation.from_rotvec([0, 0, np.pi / 2])
    table[:, 1:4] = (quarter * Rotation.from_rotvec(table[:, 1:4])).as_rotvec()
    table[:, 4:] = quarter.apply(table[:, 4:])
    np.savetxt(folder / "lowres_wide.traj", table, fmt="%.9f")
    assert load(tmp_path).frames[0].camera.width == 120
    frame = load(tmp_path, Options(1, as_stored=True)).frames[0]
    assert frame.camera.width == 160 and frame.image_path.parent == folder / "lowres_wide"


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("lowres_wide.traj", "1 2 3\n", "expected 7 numbers per line"),
        (f"{NAME}_3dod_annotation.json", '{"data": [{"label": "chair"}]}', "is not a box with 'label' and 'segments'"),
        (f"{NAME}_3dod_annotation.json", '{"data": 1}', "'data' is not a list of boxes"),
        (f"lowres_wide_intrinsics/{NAME}_6845.806.pincam", "1 2\n", "expected a 3x3 or 4x4 matrix"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(tmp_path: Path, file: str, content: str, said: str) -> None:
    (write(tmp_path) / file).write_text(content)
    with pytest.raises(BadScene, match=said):
        load(tmp_path)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "lowres_wide.traj").write_text("1.0 0 0 0 0 0 0\n")
    with pytest.raises(BadScene, match=r"no usable frame .*9 of 9 pictures skipped"):
        load(tmp_path)
    for path in (folder / "lowres_wide").iterdir():
        path.unlink()
    with pytest.raises(BadScene, match=r"no files named by video and time, such as 40753679_6845\.806\.png"):
        load(tmp_path)
    with pytest.raises(BadInput, match="no ARKitScenes recording"):
        arkitscenes.scene_names(folder / "confidence", EVERY)
