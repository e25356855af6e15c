"""Panoramas: whatever view a direction of the world falls into, its pixel has that direction's colour."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from ovstore.core.errors import BadScene
from ovstore.core.scene import Scene
from ovstore.ingest.cameras.panorama import view_camera, views
from ovstore.ingest.checks.checks import check_scene
from ovstore.ingest.datasets import nerfstudio
from ovstore.ingest.files.images import read_image
from ovstore.ingest.files.masks import read_mask
from ovstore.store.files.ply_writer import write_ply
from PIL import Image
from scipy.spatial.transform import Rotation

WIDTH, HEIGHT = 512, 256
OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])


def colours(directions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the directions of the world, smooth and each a different one."""
    unit = directions / np.linalg.norm(directions, axis=-1, keepdims=True)
    return 127.5 + 120 * unit


def painted(opengl_to_world: NDArray[np.float64]) -> NDArray[np.uint8]:
    """The panorama of that world by nerfstudio's formula: longitude 0 looks along -z, y is up."""
    theta = -np.pi * ((np.arange(WIDTH) + 0.5) / WIDTH * 2 - 1)
    phi = np.pi * (np.arange(HEIGHT)[:, None] + 0.5) / HEIGHT
    rays = np.stack([-np.sin(theta) * np.sin(phi), np.cos(phi) + 0 * theta, -np.cos(theta) * np.sin(phi)], axis=2)
    return colours(rays @ opengl_to_world[:3, :3].T).round().astype(np.uint8)


def pose(seed: int) -> NDArray[np.float64]:
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.random(random_state=seed).as_matrix()
    matrix[:3, 3] = np.random.default_rng(seed).uniform(-0.2, 0.2, 3)
    return matrix


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three panoramas in a ball so large that its points lie in the same directions from each."""
    scene = tmp_path / "scene"
    (scene / "images").mkdir(parents=True)
    frames = []
    for number in range(3):
        Image.fromarray(painted(pose(number))).save(scene / f"images/{number}.png")
        frames.append({"file_path": f"images/{number}.png", "transform_matrix": pose(number).tolist()})
    body = {"camera_model": "EQUIRECTANGULAR", "fl_x": HEIGHT, "fl_y": HEIGHT, "w": WIDTH, "h": HEIGHT}
    (scene / "transforms.json").write_text(json.dumps({**body, "ply_file_path": "ball.ply", "frames": frames}))
    xyz = np.random.default_rng(9).normal(size=(5000, 3))
    xyz *= 100 / np.linalg.norm(xyz, axis=1, keepdims=True)
    write_ply(scene / "ball.ply", xyz, colours(xyz).round().astype(np.uint8))
    return scene


def load(folder: Path) -> Scene:
    options = nerfstudio.Options()
    return check_scene(nerfstudio.load_scene(folder, folder.name, options, folder.parent / "unpacked"), options)


def test_every_pixel_of_every_view_has_the_colour_of_its_direction(folder: Path, tmp_path: Path) -> None:
    opencv_to_world = pose(1) @ OPENGL
    frames = views("1", opencv_to_world, folder / "images/1.png", None, tmp_path / "unpacked")
    assert [frame.name for frame in frames] == ["1_front", "1_right", "1_back", "1_left", "1_up", "1_down"]
    for frame in frames:
        camera = frame.camera
        v, u = np.mgrid[: camera.height, : camera.width]
        rays = np.stack([(u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, np.ones(u.shape)], axis=2)
        expected = colours(rays @ frame.camera_to_world[:3, :3].T)
        assert np.linalg.det(frame.camera_to_world[:3, :3]) == pytest.approx(1)
        assert np.abs(read_image(frame.image_path) - expected).max() < 8
        assert np.abs(read_image(frame.image_path) - expected).mean() < 1


def test_a_scene_of_panoramas_goes_in_as_views_that_fit_its_points(folder: Path) -> None:
    scene = load(folder)
    assert len(scene.frames) == 18 and scene.frames[0].camera == view_camera(WIDTH)
    assert "panoramas: 3, each cut into six views of 90 degrees" in scene.findings
    assert any("100% of the points lie inside the views" in finding for finding in scene.findings)


def test_masks_are_cut_like_their_panoramas(folder: Path) -> None:
    mask = np.full((HEIGHT, WIDTH), 255, np.uint8)
    mask[HEIGHT // 2 :] = 0  # all that lies below the horizon
    Image.fromarray(mask).save(folder / "mask.png")
    path = folder / "transforms.json"
    body = json.loads(path.read_text())
    body["frames"][0]["mask_path"] = "mask.png"
    path.write_text(json.dumps(body))
    shown = {frame.name: read_mask(frame) for frame in load(folder).frames if frame.mask_path}
    assert set(shown) == {f"0_{view}" for view in ("front", "right", "back", "left", "up", "down")}
    assert shown["0_up"].all() and not shown["0_down"].any()
    middle = shown["0_front"].shape[0] // 2
    assert shown["0_front"][: middle - 1].all() and not shown["0_front"][middle + 1 :].any()


def test_depth_of_panoramas_is_not_used_and_this_is_said(folder: Path) -> None:
    path = folder / "transforms.json"
    body = json.loads(path.read_text())
    body["frames"][0]["depth_file_path"] = "images/0.png"
    path.write_text(json.dumps(body))
    scene = load(folder)
    assert all(frame.depth_path is None for frame in scene.frames)
    assert any(finding.startswith("depth of 1 panoramas is not used") for finding in scene.findings)


def test_a_panorama_of_a_part_of_the_sphere_is_refused_by_name(folder: Path) -> None:
    Image.fromarray(painted(pose(0))[:200]).save(folder / "images/0.png")
    with pytest.raises(BadScene, match=r"0\.png: 512x200 pixels; a panorama of the whole sphere is twice as wide"):
        load(folder)
