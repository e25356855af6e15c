"""Pictures of clouds: what is near hides what is far, what faces away is not drawn, colours keep their order."""

import numpy as np
import pytest
from ovstore.core.scene import PointCloud
from ovstore.drawing.render import BACKGROUND, View, heat_colours, looking_at, overview, render, upright

RED, BLUE = np.array([255, 0, 0], np.uint8), np.array([0, 0, 255], np.uint8)


def wall(z: float, half: float = 0.5, step: float = 0.02) -> np.ndarray:
    """(N, 3) points of a square wall at depth z."""
    axis = np.arange(-half, half, step)
    x, y = np.meshgrid(axis, axis)
    return np.stack([x.ravel(), y.ravel(), np.full(x.size, z)], axis=1)


VIEW = View(np.eye(4), 64, 64, 64.0)


@pytest.mark.parametrize("near_first", [True, False])
def test_the_nearer_wall_hides_the_farther(near_first: bool) -> None:
    near, far = wall(2.0), wall(4.0)
    parts = [(near, RED), (far, BLUE)] if near_first else [(far, BLUE), (near, RED)]
    cloud = PointCloud(np.concatenate([part for part, _ in parts]))
    colours = np.concatenate([np.tile(colour, (len(part), 1)) for part, colour in parts])
    picture = render(cloud, colours, VIEW)
    assert (picture[32, 32] == RED).all()


def test_a_wall_has_no_holes() -> None:
    points = wall(2.0)
    picture = render(PointCloud(points), np.tile(RED, (len(points), 1)), VIEW)
    assert (picture[20:44, 20:44] == RED).all()


def test_what_faces_away_and_what_is_behind_is_not_drawn() -> None:
    points = np.concatenate([wall(2.0), wall(-2.0)])
    normals = np.tile(np.array([0, 0, 1], np.float32), (len(points), 1))  # away from the camera
    picture = render(PointCloud(points, normals=normals), np.tile(RED, (len(points), 1)), VIEW)
    assert (picture == BACKGROUND).all()


def test_the_overview_shows_every_corner() -> None:
    random = np.random.default_rng(0)
    points = random.uniform([-3, -2, 0], [3, 2, 2.5], (4000, 3))
    view = overview(PointCloud(points))
    local = (points - view.camera_to_world[:3, 3]) @ view.camera_to_world[:3, :3]
    assert (local[:, 2] > 0).all()
    u = view.focal * local[:, 0] / local[:, 2] + view.width / 2
    v = view.focal * local[:, 1] / local[:, 2] + view.height / 2
    assert ((u >= 0) & (u < view.width) & (v >= 0) & (v < view.height)).mean() > 0.98


def test_a_camera_that_looks_at_a_point_is_upright_and_proper() -> None:
    pose = looking_at(np.array([1.0, 2.0, 3.0]), np.array([0.0, 0.5, 1.0]))
    assert np.allclose(pose[:3, :3].T @ pose[:3, :3], np.eye(3))
    assert np.linalg.det(pose[:3, :3]) == pytest.approx(1)
    assert pose[2, 1] < 0  # image rows run down


def test_hotter_is_brighter() -> None:
    grey = heat_colours(np.linspace(0, 1, 50)).astype(float) @ [0.299, 0.587, 0.114]
    assert (np.diff(grey) > -1).all()
    assert grey[-1] > grey[0] + 100


@pytest.mark.parametrize("up_axis", ["x", "y", "z", "-x", "-y", "-z"])
def test_any_up_axis_is_turned_to_z_without_a_mirror(up_axis: str) -> None:
    axes = PointCloud(np.eye(3))
    turned = upright(axes, up_axis).xyz
    up = turned["xyz".index(up_axis[-1])] * (-1 if up_axis.startswith("-") else 1)
    assert np.allclose(up, [0, 0, 1])
    assert np.linalg.det(turned) == pytest.approx(1)
