"""TUM RGB-D: what belongs together by time, with the authors' camera; `rgbd` reads the same with options."""

from pathlib import Path

import numpy as np
import pytest
from ovstore.core.errors import BadInput, BadScene
from ovstore.core.scene import Scene
from ovstore.ingest.checks.checks import check_scene
from ovstore.ingest.datasets import rgbd, tum
from ovstore.ingest.datasets.tum import Options
from ovstore.ingest.files.images import read_depth, read_image
from scipy.spatial.transform import Rotation

pytest.importorskip("embreex", reason="needs the extra 'generate'")
import generated_room
from generated_room import contents, recording, tracked
from ovstore.ingest.generated.registered import registered

NAME = "rgbd_dataset_freiburg1_room"
EVERY = Options(frame_stride=1, voxel_size=0.1)


def write(root: Path) -> Path:
    return generated_room.write("tum", root / NAME)


def load(root: Path, options: Options = EVERY) -> Scene:
    return tum.load_scene(root, NAME, options, root / ".unpacked")


def test_what_was_recorded_is_read(tmp_path: Path) -> None:
    assert len(contents(write(tmp_path))) == 2 * 9 + 3
    scene, made = check_scene(load(tmp_path)), recording()
    assert len(scene.frames) == len(tracked())
    assert any(finding.startswith("1 of 9 images skipped: no pose (13") for finding in scene.findings)
    camera = tum.CAMERA.resized(160, 120)
    for frame, number in zip(scene.frames, tracked(), strict=True):
        expected = made.frames[number]
        assert frame.camera == frame.depth_camera == camera and frame.depth_scale == 5000
        np.testing.assert_allclose(frame.camera_to_world, expected.camera_to_world, atol=3e-4)  # four decimals
        assert frame.depth_path is not None and frame.depth_path.name != frame.image_path.name
        depth = registered(expected.depth, made.depth_camera, camera)
        np.testing.assert_allclose(read_depth(frame.depth_path, frame.depth_scale), depth / 1000, atol=1e-6)
        assert read_image(frame.image_path).shape == (120, 160, 3)
        assert frame.timestamp is not None and abs(frame.timestamp - float(frame.name)) < 0.02


def test_rgbd_reads_the_same_with_options(tmp_path: Path) -> None:
    """What docs/datasets.md said before there was a `tum`."""
    write(tmp_path)
    camera = tum.CAMERA.resized(160, 120)
    options = rgbd.Options(fx=camera.fx, fy=camera.fy, cx=camera.cx, cy=camera.cy, depth_scale=5000.0, voxel_size=0.1)
    ours, theirs = load(tmp_path), rgbd.load_scene(tmp_path, NAME, options, tmp_path / ".unpacked")
    assert rgbd.scene_names(tmp_path, options) == tum.scene_names(tmp_path, EVERY) == [NAME]
    np.testing.assert_array_equal(ours.points.xyz, theirs.points.xyz)
    for one, other in zip(ours.frames, theirs.frames, strict=True):
        assert (one.name, one.camera, one.depth_path) == (other.name, other.camera, other.depth_path)
        np.testing.assert_array_equal(one.camera_to_world, other.camera_to_world)


def test_frames_belong_together_as_the_benchmarks_associate_says(tmp_path: Path) -> None:
    """Its associate.py pairs what is nearest in time, within 0.02 s; retold for poses a hundred times a second."""
    folder = write(tmp_path)
    poses = np.loadtxt(folder / "groundtruth.txt")
    assert np.median(np.diff(poses[:, 0])) == pytest.approx(0.01, abs=1e-4)
    depths = [line.split() for line in (folder / "depth.txt").read_text().splitlines() if line[0] != "#"]
    frames = {frame.name: frame for frame in load(tmp_path).frames}
    for line in (folder / "rgb.txt").read_text().splitlines()[3:]:
        time, path = line.split()
        pose = poses[np.abs(poses[:, 0] - float(time)).argmin()]
        if abs(pose[0] - float(time)) > 0.02:
            assert time not in frames
            continue
        frame = frames[time]
        depth = min(depths, key=lambda pair: abs(float(pair[0]) - float(time)))
        assert (frame.image_path, frame.depth_path) == (folder / path, folder / depth[1])
        np.testing.assert_allclose(frame.camera_to_world[:3, 3], pose[1:4])
        expected = Rotation.from_quat(pose[4:]).as_matrix()
        np.testing.assert_allclose(frame.camera_to_world[:3, :3], expected, atol=1e-12)


def test_the_points_lie_on_what_was_recorded(tmp_path: Path) -> None:
    from scipy.spatial import KDTree

    write(tmp_path)
    distance, _ = KDTree(recording().mesh.xyz).query(load(tmp_path).points.xyz)
    assert np.median(distance) < 0.08  # the mesh has a vertex every 6 to 24 cm


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "groundtruth.txt").rename(tmp_path / "kept")
    with pytest.raises(BadScene, match=r"no groundtruth\.txt in .*; recordings without poses cannot be read"):
        load(tmp_path)
    (tmp_path / "kept").rename(folder / "groundtruth.txt")
    for path in (folder / "depth").iterdir():
        path.unlink()
    with pytest.raises(BadScene, match=r"9 images rgb/\*\.png and 0 depth/\*\.png; both are needed"):
        load(tmp_path)
    (folder / "depth").rmdir()
    with pytest.raises(BadScene, match="no folder of that name with folders rgb and depth"):
        load(tmp_path)
    with pytest.raises(BadInput, match="no TUM recording"):
        tum.scene_names(tmp_path, EVERY)
