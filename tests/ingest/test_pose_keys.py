"""What a trajectory says of its poses decides which image each belongs to; order only where it says nothing."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import toy_room
from numpy.typing import NDArray
from ovstore.core.errors import BadScene
from ovstore.core.scene import Scene
from ovstore.ingest.datasets import rgbd
from ovstore.ingest.datasets.rgbd import Options
from ovstore.ingest.files.intrinsics import read_intrinsics
from ovstore.ingest.files.poses import between, read_trajectory
from ovstore.ingest.formats.pairing import pair
from ovstore.ingest.formats.rgbd.poses import PoseReading, read_poses
from PIL import Image
from scipy.spatial.transform import Rotation

FRAMES = 6
Pose = NDArray[np.float64]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_room.write(tmp_path_factory.mktemp("keys") / "room", FRAMES)


@pytest.fixture
def room(original: Path, tmp_path: Path) -> Path:
    return shutil.copytree(original, tmp_path / "room")


def load(folder: Path, **options: object) -> Scene:
    return rgbd.load_scene(folder, folder.name, Options(**options), folder / "unused")  # type: ignore[arg-type]


def taken(room: Path) -> list[Pose]:
    """The poses, and the files with them taken away."""
    poses = [np.loadtxt(path) for path in sorted((room / "pose").iterdir())]
    shutil.rmtree(room / "pose")
    return poses


def quaternion(pose: Pose) -> list[float]:
    return [*pose[:3, 3], *Rotation.from_matrix(pose[:3, :3]).as_quat()]


def text(*rows: object) -> str:
    return "\n".join(" ".join(str(value) for value in row) for row in rows) + "\n"  # type: ignore[attr-defined]


def tum(numbers: list[int], poses: list[Pose]) -> str:
    return text(*([number, *quaternion(pose)] for number, pose in zip(numbers, poses, strict=True)))


def kitti_360(numbers: list[int], poses: list[Pose]) -> str:
    return text(*([number, *pose[:3].ravel()] for number, pose in zip(numbers, poses, strict=True)))


def four_by_four(numbers: list[int], poses: list[Pose]) -> str:
    return text(*([number, *pose.ravel()] for number, pose in zip(numbers, poses, strict=True)))


def log(numbers: list[int], poses: list[Pose]) -> str:
    return "".join(text((n, n, n + 1), *pose) for n, pose in zip(numbers, poses, strict=True))


def headed(numbers: list[int], poses: list[Pose]) -> str:
    rows = ([*np.roll(quaternion(pose)[3:], 1), *pose[:3, 3], n] for n, pose in zip(numbers, poses, strict=True))
    return "# qw qx qy qz tx ty tz frame_id\n" + text(*rows)


def comma_separated(numbers: list[int], poses: list[Pose]) -> str:
    return "frame,x,y,z,qx,qy,qz,qw\n" + tum(numbers, poses).replace(" ", ",")


def named(numbers: list[int], poses: list[Pose]) -> str:
    return text(*([f"color/{n:04d}.png", *quaternion(pose)] for n, pose in zip(numbers, poses, strict=True)))


WRITERS = (tum, kitti_360, four_by_four, log, headed, comma_separated, named)


@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_frame_numbers_say_which_image_a_pose_is_of(room: Path, write: Callable[[list[int], list[Pose]], str]) -> None:
    poses = taken(room)
    far = np.eye(4)
    far[:3, 3] = 50.0
    # tracking began with frame 2, and went on for two frames whose images are not there: as many poses as images
    (room / "trajectory.txt").write_text(write([2, 3, 4, 5, 6, 7], [*poses[2:], far, far]))
    scene = load(room, **({"pose_key": "first"} if write is log else {}))
    assert [frame.name for frame in scene.frames] == ["0002", "0003", "0004", "0005"]
    for frame, pose in zip(scene.frames, poses[2:], strict=True):
        np.testing.assert_allclose(frame.camera_to_world, pose, atol=1e-9)
    assert "2 of 6 images skipped: no pose (0000, 0001)" in scene.findings
    assert "2 of 6 poses belong to no image (rows 5, 6)" in scene.findings


def test_poses_that_begin_with_the_second_image_are_not_taken_in_order(room: Path) -> None:
    poses = taken(room)
    (room / "groundtruth.txt").write_text(tum([1, 2, 3, 4, 5, 6], [*poses[1:], poses[0]]))  # ICL-NUIM
    scene = load(room)
    assert [frame.name for frame in scene.frames] == ["0001", "0002", "0003", "0004", "0005"]
    np.testing.assert_allclose(scene.frames[0].camera_to_world, poses[1], atol=1e-9)
    assert all(frame.timestamp is None for frame in scene.frames), "a frame's number is no time"


def test_numbers_with_gaps_leave_no_image_out(room: Path) -> None:
    poses = taken(room)
    for part in ("color", "depth"):
        for number in range(FRAMES):
            (room / part / f"{number:04d}.png").rename(room / part / f"{number * 7 + 3:010d}.png")
    (room / "poses.txt").write_text(kitti_360([number * 7 + 3 for number in range(FRAMES)], poses))
    scene = load(room)
    assert [int(frame.name) for frame in scene.frames] == [3, 10, 17, 24, 31, 38]
    np.testing.assert_allclose([frame.camera_to_world for frame in scene.frames], poses, atol=1e-9)


def test_a_log_counts_images_from_0_or_from_1(room: Path) -> None:
    poses = taken(room)
    (room / "trajectory.log").write_text(log(list(range(FRAMES)), poses))
    np.testing.assert_allclose([frame.camera_to_world for frame in load(room).frames], poses)
    for part in ("color", "depth"):
        for number in reversed(range(FRAMES)):
            (room / part / f"{number:04d}.png").rename(room / part / f"{number + 1:07d}-{number * 33333:012d}.png")
    np.testing.assert_allclose([frame.camera_to_world for frame in load(room).frames], poses)


def test_two_readings_that_fit_alike_are_refused_with_the_option_that_decides(room: Path) -> None:
    poses = taken(room)
    (room / "trajectory.log").write_text(log(list(range(FRAMES)), poses))
    for part in ("color", "depth"):
        (room / part / "0000.png").unlink()
    with pytest.raises(BadScene, match=r"first and third number give different images.*--pose-key first, third"):
        load(room)
    np.testing.assert_allclose(load(room, pose_key="first").frames[0].camera_to_world, poses[1])
    np.testing.assert_allclose(load(room, pose_key="third").frames[0].camera_to_world, poses[0])


def test_numbers_that_name_few_images_are_refused(room: Path) -> None:
    poses = taken(room)
    for part in ("color", "depth"):
        for number in reversed(range(FRAMES)):
            (room / part / f"{number:04d}.png").rename(room / part / f"{number * 100:04d}.png")
    (room / "poses.txt").write_text(tum(list(range(FRAMES)), poses))
    with pytest.raises(BadScene, match=r"frame numbers 0 to 5, but 1 of 6 images.*--pose-key"):
        load(room)
    np.testing.assert_allclose(
        [frame.camera_to_world for frame in load(room, pose_key="order").frames], poses, atol=1e-9
    )


def test_a_file_without_keys_is_taken_in_order(room: Path) -> None:
    poses = taken(room)
    (room / "poses.txt").write_text(text(*(pose.ravel() for pose in poses)))
    scene = load(room)
    np.testing.assert_allclose([frame.camera_to_world for frame in scene.frames], poses)
    assert "poses: poses.txt (16 numbers per line), in their order" in scene.findings


def test_a_line_that_names_columns_says_where_w_and_nanoseconds_are(tmp_path: Path) -> None:
    """EuRoC's data.csv, with velocities behind the pose."""
    path = tmp_path / "data.csv"
    path.write_text(
        "#timestamp [ns], p_RS_R_x [m], p_RS_R_y [m], p_RS_R_z [m], q_RS_w [], q_RS_x [], q_RS_y [], q_RS_z [], "
        "v_RS_R_x [m s^-1], v_RS_R_y [m s^-1], v_RS_R_z [m s^-1]\n"
        "1403636580838555648,1,2,3,1,0,0,0,9,9,9\n1403636580843555584,4,5,6,0,1,0,0,9,9,9\n"
    )
    trajectory = read_trajectory(path)
    np.testing.assert_array_equal(trajectory.matrices[0], [[1, 0, 0, 1], [0, 1, 0, 2], [0, 0, 1, 3], [0, 0, 0, 1]])
    np.testing.assert_allclose(np.diag(trajectory.matrices[1]), [1, -1, -1, 1])
    assert trajectory.timestamps == pytest.approx([1403636580.838556, 1403636580.843556], abs=1e-6)
    assert trajectory.numbers == ()


def test_poses_between_two_close_ones_are_interpolated_when_asked_for(room: Path) -> None:
    start = 1305031098.5
    taken(room)
    for part in ("color", "depth"):
        for number in range(FRAMES):
            (room / part / f"{number:04d}.png").rename(room / part / f"{start + number:.6f}.png")
    halves = [start + number for number in range(-1, FRAMES + 1)]  # 0.5 s off every image
    rows = [[time + 0.5, *quaternion(np.eye(4))] for time in halves]
    for number, row in enumerate(rows):
        row[1] = float(number)
    (room / "groundtruth.txt").write_text(text(*rows))
    images = {path.stem: path for path in sorted((room / "color").iterdir())}
    for gap in (None, 0.9):
        with pytest.raises(BadScene, match=r"none near an image.*--pose-gap"):
            read_poses(room, images, room / "groundtruth.txt", PoseReading(gap=gap))
    found = read_poses(room, images, room / "groundtruth.txt", PoseReading(gap=1.0))
    assert [pose[0, 3] for pose in found.matrices.values()] == pytest.approx([n + 0.5 for n in range(FRAMES)])
    assert list(found.seconds.values()) == [float(stem) for stem in images]
    assert found.findings == ("6 poses were interpolated between ones at most 1 s apart",)


def test_an_interpolated_pose_turns_with_even_speed(tmp_path: Path) -> None:
    path = tmp_path / "groundtruth.txt"
    turned = Rotation.from_rotvec([0, 0, 1.2]).as_quat()
    path.write_text(text([10.5, 0, 0, 0, 0, 0, 0, 1], [11.5, 1, 2, 3, *turned]))
    trajectory = read_trajectory(path)
    made = between(trajectory, {"quarter": 10.75, "before": 10.0, "after": 12.0}, 1.0)
    assert list(made) == ["quarter"]
    np.testing.assert_allclose(Rotation.from_matrix(made["quarter"][:3, :3]).as_rotvec(), [0, 0, 0.3], atol=1e-12)
    np.testing.assert_allclose(made["quarter"][:3, 3], [0.25, 0.5, 0.75])


@pytest.mark.parametrize(
    "stems, others, rule",
    [
        (["a1", "a2"], ["a1", "a2"], "name"),
        (["frame0001", "frame0002"], ["depth1", "depth2"], "number"),
        (["0001-000000000000", "0002-000000033333"], ["0001-000000000000", "0002-000000033366"], "first number"),
        (["1305031102.17", "1305031102.21"], ["1305031102.16", "1305031102.22"], "nearest time within 0.02 s"),
        (
            ["1403636579763555584", "1403636579813555456"],
            ["1403636579758555392", "1403636579808555520"],
            "nearest time within 0.02 s",
        ),
        (["image"], ["depth"], "being the only one"),
    ],
)
def test_the_rule_that_pairs_most_holds_for_all(stems: list[str], others: list[str], rule: str) -> None:
    pairs = pair(stems, {other: other for other in others})
    assert pairs.rule == rule
    assert pairs.found == dict(zip(stems, others, strict=True))


def test_one_equal_name_by_chance_does_not_decide_for_all() -> None:
    stems, others = [f"{n:03d}" for n in range(10)], [*(f"{n}" for n in range(9)), "009"]
    assert pair(stems, {other: int(other) for other in others}).found == {stem: int(stem) for stem in stems}


def test_depth_that_belongs_to_no_image_is_named(room: Path) -> None:
    (room / "depth/0003.png").rename(room / "depth/0103.png")
    scene = load(room)
    assert "1 of 6 images skipped: no depth of their own (0003)" in scene.findings
    assert "1 of 6 depth images belong to no image (0103.png)" in scene.findings


LENS = {"k1": -0.3, "k2": 0.1, "p1": 0.001, "p2": 0.0}
CAMERAS = {
    "nerfstudio": {"fl_x": 130, "fl_y": 130, "cx": 80, "cy": 60, "w": 160, "h": 120, **LENS, "camera_model": "OPENCV"},
    "ros": {
        "width": 160,
        "height": 120,
        "distortion_model": "plumb_bob",
        "D": [*LENS.values(), 0.0],
        "K": [130, 0, 79.5, 0, 130, 59.5, 0, 0, 1],
    },
    "opencv": {
        "image_width": 160,
        "image_height": 120,
        "camera_matrix": {"rows": 3, "cols": 3, "data": [130, 0, 79.5, 0, 130, 59.5, 0, 0, 1]},
        "distortion_coefficients": {"rows": 1, "cols": 5, "data": [*LENS.values(), 0.0]},
    },
    "open3d": {"width": 160, "height": 120, "intrinsic_matrix": [130, 0, 0, 0, 130, 0, 79.5, 59.5, 1], **LENS},
}


@pytest.mark.parametrize("kind", CAMERAS)
def test_distortion_in_any_keys_is_one_lens_and_straightens_the_pictures(room: Path, kind: str) -> None:
    (room / "intrinsics.txt").unlink()
    (room / "camera-intrinsics.json").write_text(json.dumps(CAMERAS[kind]))
    lens = read_intrinsics(room / "camera-intrinsics.json").lens(160, 120)
    assert (lens.model, lens.params, lens.cx, lens.cy) == ("OPENCV", (-0.3, 0.1, 0.001, 0.0), 79.5, 59.5)
    scene = load(room)
    assert all(frame.image_path.is_relative_to(room / "unused") for frame in scene.frames)
    assert scene.frames[0].depth_path is not None and scene.frames[0].depth_path.is_relative_to(room / "unused")
    assert "images were undistorted; the models of their lenses: OPENCV" in scene.findings


@pytest.mark.parametrize(
    "change, said",
    [
        ({"distortion_model": "inverse_brown_conrady"}, "distortion model 'inverse_brown_conrady' is not known"),
        ({"D": [0.1] * 12}, "D has 12 numbers; up to 8 are read"),
        ({"D": ["a"]}, "D is 'a'; a number was expected"),
        ({"K": [130, 5, 79.5, 0, 130, 59.5, 0, 0, 1]}, "a skew of 5 pixels"),
        ({"roi": {"x_offset": 8, "y_offset": 0}}, "a region of interest or binning"),
        ({"binning_x": 2}, "a region of interest or binning"),
        ({"D": None, "k5": 0.2}, "distortion k5 is not supported"),
    ],
)
def test_a_lens_that_cannot_be_applied_is_refused(tmp_path: Path, change: dict[str, object], said: str) -> None:
    path = tmp_path / "camera_info.json"
    path.write_text(json.dumps({**CAMERAS["ros"], **change}))
    with pytest.raises(BadScene, match=said):
        read_intrinsics(path)


def test_a_skewed_matrix_is_refused(tmp_path: Path) -> None:
    (tmp_path / "k.txt").write_text("130 5 79.5\n0 130 59.5\n0 0 1\n")
    with pytest.raises(BadScene, match="a skew of 5 pixels"):
        read_intrinsics(tmp_path / "k.txt")


def test_the_depth_scale_beside_the_cameras_numbers_is_used(room: Path) -> None:
    camera = {"w": 160, "h": 120, "fx": 130, "fy": 130, "cx": 79.5, "cy": 59.5, "scale": 500.0}
    for path in (room / "depth").iterdir():
        Image.fromarray(np.array(Image.open(path)) // 2).save(path)
    (room / "intrinsics.txt").unlink()
    (room / "cam_params.json").write_text(json.dumps({"camera": camera}))
    assert {frame.depth_scale for frame in load(room).frames} == {500.0}
    with pytest.raises(BadScene, match="--depth-scale 500"):
        load(room, depth_scale=1000.0)
