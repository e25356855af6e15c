"""Dense workspaces of COLMAP: undistorted pictures with depth maps and a fused cloud."""

import shutil
from dataclasses import replace
from pathlib import Path

import generated_room
import numpy as np
import pytest
from colmap_room import load, model_of, tracked
from numpy.typing import NDArray
from ovstore.core.errors import BadScene
from ovstore.ingest.cameras.lenses import Lens
from ovstore.ingest.checks.checks import check_scene
from ovstore.ingest.files.images import read_depth
from ovstore.ingest.formats.colmap.frames import read_depth_map
from ovstore.ingest.generated.formats import colmap as written
from ovstore.store.files.ply_writer import write_ply


@pytest.fixture(scope="module")
def dense_original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What image_undistorter, patch_match_stereo and stereo_fusion leave: here in units of half a metre."""
    folder = tmp_path_factory.mktemp("colmap") / "room"
    recording, workspace = generated_room.recording(), folder / "dense" / "0"
    for part in ("images", "sparse", "stereo/depth_maps"):
        (workspace / part).mkdir(parents=True)
    model = model_of_pinhole()
    images = tuple(replace(image, pose=(*image.pose[:4], *np.multiply(image.pose[4:], 2))) for image in model.images)
    points = tuple(replace(point, xyz=tuple(np.multiply(point.xyz, 2).tolist())) for point in model.points)
    written.write_binary(workspace / "sparse", replace(model, images=images, points=points))
    for number, frame in enumerate(recording.frames):
        (workspace / "images" / f"{number:04d}.jpg").write_bytes(frame.jpeg)
        write_depth_map(workspace / "stereo/depth_maps" / f"{number:04d}.jpg.geometric.bin", frame.depth / 500)
        write_depth_map(workspace / "stereo/depth_maps" / f"{number:04d}.jpg.photometric.bin", frame.depth / 499)
    write_ply(workspace / "fused.ply", recording.mesh.xyz * 2, recording.mesh.rgb)
    return folder


@pytest.fixture
def dense(dense_original: Path, tmp_path: Path) -> Path:
    return shutil.copytree(dense_original, tmp_path / "room")


def write_depth_map(path: Path, depth: NDArray[np.floating]) -> None:
    path.write_bytes(f"{depth.shape[1]}&{depth.shape[0]}&1&".encode() + depth.astype("<f4").tobytes())


def model_of_pinhole() -> written.Model:
    camera = generated_room.recording().color_camera
    return model_of(Lens("PINHOLE", camera.width, camera.height, camera.fx, camera.fy, camera.cx, camera.cy))


def test_a_dense_workspace_is_taken_with_its_depth_and_its_cloud(dense: Path) -> None:
    scene = check_scene(load(dense, world_scale=2.0))
    recording = generated_room.recording()
    assert np.allclose(scene.points.xyz, recording.mesh.xyz, atol=1e-6)
    for frame in scene.frames:
        assert np.allclose(frame.camera_to_world, tracked()[frame.name], atol=1e-9)
        assert frame.image_path == dense / "dense/0/images" / f"{frame.name}.jpg"
        depth = read_depth(frame.depth_path, frame.depth_scale)  # type: ignore[arg-type]
        assert np.allclose(depth, recording.frames[int(frame.name)].depth / 1000, atol=1e-6)
    findings = " ".join(scene.findings)
    assert "depth: geometric maps" in findings and "points: fused.ply" in findings and "scale is" not in findings


def test_depth_maps_of_either_kind_or_none(dense: Path) -> None:
    photometric = load(dense, world_scale=2.0, depth="photometric")
    assert "depth: photometric maps of multi-view stereo" in photometric.findings
    assert all(frame.depth_path is None for frame in load(dense, depth="none").frames)
    (dense / "dense/0/stereo/depth_maps/0000.jpg.geometric.bin").unlink()
    assert "1 of 8 frames skipped: no geometric depth map (0000)" in load(dense).findings


def test_depth_maps_are_written_once(dense: Path) -> None:
    first, second = load(dense), load(dense)
    assert [frame.depth_path for frame in first.frames] == [frame.depth_path for frame in second.frames]


def test_smaller_depth_maps_have_a_camera_of_their_size(dense: Path) -> None:
    for path in (dense / "dense/0/stereo/depth_maps").iterdir():
        write_depth_map(path, read_depth_map(path)[::2, ::2])
    frame = load(dense, world_scale=2.0).frames[0]
    assert frame.depth_camera == frame.camera.resized(80, 60)


def test_the_sparse_points_of_a_dense_workspace(dense: Path) -> None:
    assert len(load(dense, cloud="sparse").points) == len(model_of_pinhole().points)
    shutil.copy(dense / "dense/0/fused.ply", dense / "mine.ply")
    (dense / "dense/0/fused.ply").unlink()
    assert "points: mine.ply" in load(dense, cloud="mine.ply").findings
    assert len(load(dense).points) == len(model_of_pinhole().points)


def test_a_depth_map_that_is_none_is_refused(dense: Path) -> None:
    path = dense / "dense/0/stereo/depth_maps/0000.jpg.geometric.bin"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(BadScene, match=r"160x120 readings are 76,800 bytes, not 4,990: truncated\?"):
        load(dense)
    path.write_bytes(b"99999999&99999999&1&")
    with pytest.raises(BadScene, match="not a depth map of COLMAP"):
        load(dense)


def test_depth_maps_of_bent_pictures_are_refused(dense: Path) -> None:
    written.write_binary(dense / "dense/0/sparse", model_of())
    with pytest.raises(BadScene, match="but the camera is OPENCV; leave them out with --depth none"):
        load(dense)
