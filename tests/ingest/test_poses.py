"""Poses and intrinsics: one camera, written in every way that tools write it, is read as the same camera."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from ovstore.core.errors import BadInput, BadScene
from ovstore.ingest.files.intrinsics import read_intrinsics
from ovstore.ingest.files.poses import from_opengl_axes, inverted, read_pose, read_trajectory, rotation_of_quaternions
from scipy.spatial.transform import Rotation

ROTATIONS = Rotation.random(4, rng=np.random.default_rng(0))
QUATERNIONS = ROTATIONS.as_quat()  # x, y, z, w
MATRICES = np.tile(np.eye(4), (4, 1, 1))
MATRICES[:, :3, :3] = ROTATIONS.as_matrix()
MATRICES[:, :3, 3] = np.random.default_rng(1).normal(size=(4, 3))


def rows(array: NDArray) -> str:
    return "\n".join(" ".join(f"{value:.12g}" for value in row) for row in array) + "\n"


def log(matrices: NDArray) -> str:
    return "".join(f"{i} {i} {i + 1}\n{rows(matrix)}" for i, matrix in enumerate(matrices))


TUM = np.concatenate([MATRICES[:, :3, 3], QUATERNIONS], axis=1)
TEXTS = {
    "blocks of 4x4": rows(MATRICES.reshape(-1, 4)),
    "blocks with blank lines": "\n".join(rows(matrix) for matrix in MATRICES),
    "blocks of 3x4": rows(MATRICES[:, :3].reshape(-1, 4)),
    "12 a line": rows(MATRICES[:, :3].reshape(4, 12)),
    "16 a line, commas and remarks": "# poses\n" + rows(MATRICES.reshape(4, 16)).replace(" ", ", "),
    "quaternions": rows(TUM),
    "quaternions with timestamps": rows(np.concatenate([np.arange(4)[:, None] / 30 + 1e9, TUM], axis=1)),
    "Open3D log": log(MATRICES),
    "with a byte order mark and other line ends": "\ufeff" + rows(MATRICES.reshape(4, 16)).replace("\n", "\r\n"),
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_one_trajectory_written_in_every_way_reads_the_same(tmp_path: Path, text: str) -> None:
    path = tmp_path / "kurs ⌘.txt"
    path.write_text(text, encoding="utf-8")
    np.testing.assert_allclose(read_trajectory(path).matrices, MATRICES, atol=1e-9)


@pytest.mark.parametrize("array", [MATRICES, MATRICES[:, :3], MATRICES.astype(np.float32)])
def test_arrays_of_poses_read_the_same(tmp_path: Path, array: NDArray) -> None:
    np.save(tmp_path / "p.npy", array)
    np.testing.assert_allclose(read_trajectory(tmp_path / "p.npy").matrices, MATRICES, atol=1e-6)


def test_timestamps_stay_with_their_poses(tmp_path: Path) -> None:
    path = tmp_path / "groundtruth.txt"
    path.write_text("# timestamp tx ty tz qx qy qz qw\n1305031098.6659 1.5 2 3 0 0 0 1\n")
    trajectory = read_trajectory(path)
    assert trajectory.timestamps == (1305031098.6659,)
    np.testing.assert_array_equal(trajectory.matrices[0, :3, 3], [1.5, 2, 3])


def test_quaternions_turn_as_scipy_says() -> None:
    np.testing.assert_allclose(rotation_of_quaternions(QUATERNIONS), ROTATIONS.as_matrix(), atol=1e-12)


def test_inverting_twice_is_doing_nothing_and_lost_poses_stay_lost() -> None:
    lost = np.concatenate([MATRICES, np.full((1, 4, 4), -np.inf), np.zeros((1, 4, 4))])
    np.testing.assert_allclose(inverted(inverted(lost))[:4], MATRICES, atol=1e-12)
    assert not np.isfinite(inverted(lost)[4:]).any()


def test_opengl_cameras_look_along_minus_z() -> None:
    np.testing.assert_array_equal(from_opengl_axes(MATRICES)[:, :3, 2], -MATRICES[:, :3, 2])
    np.testing.assert_array_equal(from_opengl_axes(MATRICES)[:, :, 3], MATRICES[:, :, 3])


def test_lost_poses_keep_their_place(tmp_path: Path) -> None:
    matrices = MATRICES.copy()
    matrices[1] = -np.inf
    matrices[2] = np.nan
    for number, text in enumerate((rows(matrices.reshape(-1, 4)), rows(matrices.reshape(4, 16)), log(matrices))):
        path = tmp_path / f"{number}.txt"
        path.write_text(text)
        found = read_trajectory(path).matrices
        assert np.isfinite(found).all(axis=(1, 2)).tolist() == [True, False, False, True]


@pytest.mark.parametrize("shape", [(4, 4), (3, 4)])
def test_a_pose_of_its_own_file(tmp_path: Path, shape: tuple[int, int]) -> None:
    np.savetxt(tmp_path / "0.txt", MATRICES[0, : shape[0]])
    np.testing.assert_allclose(read_pose(tmp_path / "0.txt"), MATRICES[0], atol=1e-12)


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "no numbers"),
        ("1 2 3\n", "lines of 3 numbers are not poses"),
        ("1 2 3 4 5\n6 7\n", "lines of 2, 5 numbers"),
        ("hello 1 2\n", "line 1: 'hello 1 2' is not only numbers"),
        (rows(MATRICES[0].T), "seems to be transposed"),
        (rows(2 * MATRICES[0]), "ends with .* instead of 0 0 0 1"),
        ("0 0 0 0 0 0 2\n", "quaternion of pose 1 has length 2"),
        ("0 0 0 0 0 0 0\n", "quaternion of pose 1 has length 0"),
        ("0 0 0 0 0 0 1e200\n", "quaternion of pose 1 has length inf"),
        (log(MATRICES)[:-40], "Open3D"),
        (rows(MATRICES.reshape(-1, 4)[:10]), "10 rows of 4"),
    ],
)
def test_what_are_no_poses_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "p.txt").write_text(text)
    with pytest.raises(BadScene, match=said) as caught:
        read_trajectory(tmp_path / "p.txt")
    assert "p.txt" in str(caught.value)


def test_pickles_and_binary_files_are_no_poses(tmp_path: Path) -> None:
    (tmp_path / "p.npy").write_bytes(pickle.dumps(MATRICES))
    np.save(tmp_path / "o.npy", np.array([MATRICES[0].tolist()], object), allow_pickle=True)
    (tmp_path / "p.txt").write_bytes(b"\x89PNG\xff\xfe")
    for name in ("p.npy", "o.npy", "p.txt", "missing.txt"):
        with pytest.raises(BadInput, match=name):
            read_trajectory(tmp_path / name)


INTRINSICS = {
    "3x3.txt": "500 0 319.5\n0 -480 239.5\n0 0 1\n",
    "4x4.txt": "500 0 319.5 0\n0 -480 239.5 0\n0 0 1 0\n0 0 0 1\n",
    "nine.txt": "500 0 319.5 0 -480 239.5 0 0 1\n",
    "four.txt": "# fx fy cx cy\n500, -480, 319.5, 239.5\n",
    "six.txt": "640 480 500 -480 319.5 239.5",
    "open3d.json": json.dumps(
        {"width": 640, "height": 480, "intrinsic_matrix": [500, 0, 0, 0, -480, 0, 319.5, 239.5, 1]}
    ),
    "replica.json": json.dumps({"camera": {"w": 640, "h": 480, "fx": 500, "fy": -480, "cx": 319.5, "cy": 239.5}}),
    "transforms.json": json.dumps({"w": 640, "h": 480, "fl_x": 500, "fl_y": -480, "cx": 320, "cy": 240}),
    "k.json": json.dumps({"K": [[500, 0, 319.5], [0, -480, 239.5], [0, 0, 1]]}),
}


@pytest.mark.parametrize("name", INTRINSICS)
def test_one_camera_written_in_every_way_reads_the_same(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(INTRINSICS[name])
    camera = read_intrinsics(tmp_path / name).camera(640, 480)
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (500, -480, 319.5, 239.5)


def test_intrinsics_that_know_their_size_fit_images_of_another(tmp_path: Path) -> None:
    (tmp_path / "six.txt").write_text(INTRINSICS["six.txt"])
    camera = read_intrinsics(tmp_path / "six.txt").camera(320, 240)
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (250, -240, 159.5, 119.5)


def test_an_angle_of_view_is_a_focal_length(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(json.dumps({"w": 200, "h": 100, "camera_angle_x": np.pi / 2}))
    found = read_intrinsics(tmp_path / "t.json")
    assert (found.fx, found.fy, found.cx, found.cy) == (pytest.approx(100), pytest.approx(100), 99.5, 49.5)


@pytest.mark.parametrize(
    "name, text",
    [
        ("a.txt", "1 2 3 4 5"),
        ("a.txt", "fx = 3"),
        ("a.txt", "0 0 0 0"),
        ("a.txt", "nan 1 1 1"),
        ("a.json", "{"),
        ("a.json", "[1, 2]"),
        ("a.json", '{"width": 3}'),
        ("a.json", '{"fx": "wide", "fy": 1, "cx": 1, "cy": 1}'),
        ("a.json", '{"fx": NaN, "fy": 1, "cx": 1, "cy": 1}'),
        ("a.json", '{"width": -4, "height": 3, "fx": 1, "fy": 1, "cx": 1, "cy": 1}'),
        ("a.json", '{"intrinsic_matrix": [1, 2, 3]}'),
        ("a.json", "[" * 100_000),
    ],
)
def test_what_are_no_intrinsics_is_one_sentence(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(BadScene, match=name):
        read_intrinsics(tmp_path / name)
