"""Scans that went in wrong once, made from public data beside the checkout: each comes out right, or is refused."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ovstore.core.errors import BadScene
from ovstore.core.scene import Scene
from ovstore.ingest.checks.checks import check_scene
from ovstore.ingest.datasets import colmap, rgbd

SHARED = Path(__file__).parents[3] / "shared"
OPEN3D = {"fx": 525.0, "cx": 319.5, "cy": 239.5}

pytestmark = pytest.mark.skipif(not (SHARED / "cases").is_dir(), reason="needs ../shared/cases beside the checkout")


@pytest.fixture
def made(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The folder that a case writes."""
    case, source = request.param
    make = SHARED / "cases" / case / "make.py"
    subprocess.run([sys.executable, make, SHARED / "data" / source, tmp_path / "out"], check=True)
    return tmp_path / "out"


def of(case: str, source: str = "open3d_rgbd") -> pytest.MarkDecorator:
    return pytest.mark.parametrize("made", [(case, source)], indirect=True, ids=[case])


def load(folder: Path, module: object = rgbd, **options: object) -> Scene:
    chosen = module.Options(**options)  # type: ignore[attr-defined]
    return check_scene(module.load_scene(folder, folder.name, chosen, folder.parent / "unpacked"), chosen)  # type: ignore[attr-defined]


def trajectory() -> np.ndarray:
    rows = [line.split() for line in (SHARED / "data/open3d_rgbd/trajectory.log").read_text().splitlines()]
    return np.array([row for row in rows if len(row) == 4], np.float64).reshape(-1, 4, 4)


@of("rgbd_pose_convention_unseen")
def test_poses_of_another_convention_are_refused_by_the_option(made: Path) -> None:
    for name, option in (("opengl", "--axes opengl"), ("inverse", "--world-to-camera")):
        with pytest.raises(BadScene, match=option):
            load(made / name, **OPEN3D)


@of("rgbd_frame_ids_ignored")
def test_the_numbers_of_poses_say_whose_they_are(made: Path) -> None:
    for name, frames in (("tum", [2, 3, 4]), ("icl", [1, 2, 3])):
        scene = load(made / name, **OPEN3D)
        assert [int(frame.name) for frame in scene.frames] == frames
        found = [frame.camera_to_world for frame in scene.frames]
        np.testing.assert_allclose(found, trajectory()[frames], atol=1e-6)


@of("rgbd_distortion_dropped")
def test_distortion_beside_the_cameras_numbers_is_applied(made: Path) -> None:
    for name in ("nerfstudio", "ros"):
        scene = load(made / name)
        assert "images were undistorted; the models of their lenses: OPENCV" in scene.findings
        assert (scene.frames[0].camera.cx, scene.frames[0].camera.cy) == (319.5, 239.5)


@of("rgbd_names_frame_dash_time")
def test_names_of_frame_and_time_pair_all_frames(made: Path) -> None:
    scene = load(made / "redwood", **OPEN3D)
    np.testing.assert_allclose([frame.camera_to_world for frame in scene.frames], trajectory())
    assert all(frame.depth_path and frame.depth_path.stem[:7] == frame.name[:7] for frame in scene.frames)


@of("colmap_images_without_keypoint_lines", "colmap_maupertuis")
def test_images_without_keypoint_lines_are_all_read(made: Path) -> None:
    assert [frame.name for frame in load(made / "scene", colmap).frames] == ["00", "01", "02", "03"]


@of("colmap_points_without_tracks", "colmap_maupertuis")
def test_points_without_tracks_are_all_read(made: Path) -> None:
    for least in (0, 1, 2):
        assert len(load(made / "scene", colmap, min_track=least).points) == 1039


def test_open3ds_folder_says_at_once_that_intrinsics_are_missing() -> None:
    with pytest.raises(BadScene, match=r"no intrinsics.*--fx --fy --cx --cy"):
        rgbd.check_layout(SHARED / "data/open3d_rgbd", "open3d_rgbd", rgbd.Options())


@pytest.mark.parametrize("name", ["camera-intrinsics.txt", "camera_info.json"])
def test_files_of_intrinsics_are_found_by_the_names_that_tools_give(name: str, tmp_path: Path) -> None:
    numbers = [525.0, 0, 319.5, 0, 525.0, 239.5, 0, 0, 1]
    for part in ("color", "depth", "trajectory.log"):
        (tmp_path / part).symlink_to(SHARED / "data/open3d_rgbd" / part)
    text = json.dumps({"K": numbers}) if name.endswith("json") else " ".join(map(str, numbers))
    (tmp_path / name).write_text(text)
    rgbd.check_layout(tmp_path, tmp_path.name, rgbd.Options(follow_links=True))
