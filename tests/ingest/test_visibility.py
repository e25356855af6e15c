"""Which points a frame sees: laws of projection, known pixels, two implementations with equal results."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ovstore.core.errors import BadInput, BadScene
from ovstore.core.scene import Camera, Frame
from ovstore.ingest.compat.openscene import VISIBILITY
from ovstore.ingest.fusion.splat import draw_numpy
from ovstore.ingest.fusion.visibility import VisibilityOptions, correspond, make_view, see_numpy

CAMERA = Camera(64, 48, 50.0, 50.0, 31.5, 23.5)


def frame(
    camera: Camera = CAMERA,
    camera_to_world: np.ndarray | None = None,
    depth_camera: Camera | None = CAMERA,
    depth_to_color: np.ndarray | None = None,
) -> Frame:
    pose = np.eye(4) if camera_to_world is None else camera_to_world
    depth_path = None if depth_camera is None else Path("depth.png")
    return Frame("0", camera, pose, Path("color.png"), depth_path, depth_camera, depth_to_color=depth_to_color)


def turned(angle: float, shift: tuple[float, float, float]) -> np.ndarray:
    pose = np.eye(4)
    pose[:3, :3] = [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]]
    pose[:3, 3] = shift
    return pose


def cloud(count: int = 3000, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform([-3, -3, -4], [3, 3, 4], (count, 3))


def wall(metres: float) -> np.ndarray:
    return np.full((CAMERA.height, CAMERA.width), metres, np.float32)


def test_a_point_on_the_axis_is_in_the_middle() -> None:
    seen = correspond(np.array([[0.0, 0, 2]]), frame(), 7, wall(2), VisibilityOptions())
    assert seen.frame == 7
    assert seen.point_index.tolist() == [0] and seen.uv.tolist() == [[31.5, 23.5]] and seen.depth.tolist() == [2]


def test_points_behind_the_camera_have_no_pixel() -> None:
    behind = np.array([[0.0, 0, -2], [0, 0, 0], [0.1, 0.1, -1e-9], [1, 0, 0]])
    for depth in (None, wall(2), wall(0)):
        assert len(correspond(behind, frame(), 0, depth, VisibilityOptions())) == 0


def test_what_is_behind_the_reading_is_hidden() -> None:
    depths = np.array([1.89, 1.91, 2.0, 2.09, 2.11])
    seen = correspond(np.column_stack([0 * depths, 0 * depths, depths]), frame(), 0, wall(2), VisibilityOptions())
    assert seen.point_index.tolist() == [1, 2, 3]


@pytest.mark.parametrize("reading", [0, 65.535, np.nan, np.inf, -np.inf, -2])
def test_no_reading_means_not_visible(reading: float) -> None:
    points = np.array([[0, 0, abs(reading) if np.isfinite(reading) and reading else 2.0]])
    with np.errstate(invalid="ignore"):
        assert len(correspond(points, frame(), 0, wall(reading), VisibilityOptions())) == 0


def test_without_depth_nothing_is_hidden() -> None:
    line = np.array([[0.0, 0, z] for z in (1, 2, 3)])
    assert len(correspond(line, frame(depth_camera=None), 0, None, VisibilityOptions())) == 3


def test_splats_hide_what_is_behind_them() -> None:
    grid = np.stack(np.meshgrid(np.linspace(-1, 1, 41), np.linspace(-1, 1, 41)), -1).reshape(-1, 2)
    front = np.column_stack([grid, np.full(len(grid), 2.0)])
    behind = np.column_stack([grid, np.full(len(grid), 3.0)])
    seen = correspond(
        np.concatenate([front, behind]), frame(depth_camera=None), 0, None, VisibilityOptions(splat_radius=0.03)
    )
    assert len(seen) and seen.point_index.max() < len(front)
    assert len(seen) == len(correspond(front, frame(depth_camera=None), 0, None, VisibilityOptions()))


def test_resizing_the_camera_is_resizing_the_picture() -> None:
    points, pose = cloud(), turned(0.3, (0.2, 0.1, -1))
    large = CAMERA.resized(256, 192)
    small_view = correspond(points, frame(camera_to_world=pose, depth_camera=None), 0, None, VisibilityOptions())
    large_view = correspond(points, frame(large, pose, None), 0, None, VisibilityOptions())
    common, small, large_rows = np.intersect1d(small_view.point_index, large_view.point_index, return_indices=True)
    assert len(common) > 0.97 * len(small_view)  # rounding to pixels differs by a sliver along the edge
    np.testing.assert_allclose((small_view.uv[small] + 0.5) * 4 - 0.5, large_view.uv[large_rows], atol=1e-4)


def test_moving_camera_and_points_together_changes_nothing() -> None:
    points, pose = cloud(), turned(0.3, (0.2, 0.1, -1))
    move = turned(-1.1, (4, -2, 9))
    here = correspond(points, frame(camera_to_world=pose), 0, wall(2.5), VisibilityOptions(0.3))
    there = correspond(
        points @ move[:3, :3].T + move[:3, 3], frame(camera_to_world=move @ pose), 0, wall(2.5), VisibilityOptions(0.3)
    )
    assert np.array_equal(here.point_index, there.point_index)
    np.testing.assert_allclose(here.uv, there.uv, atol=1e-4)


def test_the_border_is_counted_in_whole_pixels() -> None:
    columns = np.array([9.49, 9.51, 10.0, 53.0, 53.49, 53.51])
    points = np.column_stack([(columns - CAMERA.cx) / CAMERA.fx, np.zeros(6), np.ones(6)])
    seen = correspond(points, frame(depth_camera=None), 0, None, VisibilityOptions(border=10))
    assert seen.point_index.tolist() == [1, 2, 3, 4]


def test_a_mirrored_camera_mirrors_the_picture() -> None:
    mirrored = Camera(64, 48, 50.0, -50.0, 31.5, 23.5)
    points = np.array([[0.1, 0.2, 1.0]])
    (u, v), (mirrored_u, mirrored_v) = (
        correspond(points, frame(camera, depth_camera=None), 0, None, VisibilityOptions()).uv[0]
        for camera in (CAMERA, mirrored)
    )
    assert mirrored_u == u and mirrored_v == pytest.approx(47 - v)


def test_visibility_is_judged_with_the_depth_camera() -> None:
    """A depth camera 10 cm to the right sees past an edge that the colour camera does not."""
    to_color = np.eye(4)
    to_color[0, 3] = 0.1
    depth = wall(1)
    depth[:, 32:] = 3  # right of its own axis, far away
    points = np.array([[0.05, 0, 1.0], [0.15, 0, 3.0]])  # left and right of the depth camera's axis
    seen = correspond(points, frame(depth_to_color=to_color), 0, depth, VisibilityOptions())
    assert seen.point_index.tolist() == [0, 1]
    np.testing.assert_allclose(seen.uv[:, 0], [31.5 + 50 * 0.05, 31.5 + 50 * 0.05])
    assert correspond(points, frame(), 0, depth, VisibilityOptions()).point_index.tolist() == [1]


def test_a_depth_image_of_its_own_size_is_read_at_its_own_pixels() -> None:
    small = CAMERA.resized(16, 12)
    depth = np.zeros((12, 16), np.float32)
    depth[6, 8] = 2  # the cell just right of and below the middle
    points = np.array([[0.04, 0.04, 2], [-0.04, 0.04, 2], [0.04, -0.04, 2]])
    assert correspond(points, frame(depth_camera=small), 0, depth, VisibilityOptions()).point_index.tolist() == [0]


@pytest.mark.parametrize(
    "options",
    [
        VisibilityOptions(0.3),
        VisibilityOptions(0.1, border=5),
        VISIBILITY,
        VisibilityOptions(splat_radius=0.1),
    ],
    ids=str,
)
def test_loops_and_arrays_agree_exactly(options: VisibilityOptions) -> None:
    kernels = pytest.importorskip("ovstore.ingest.fusion.visibility_kernels")
    rng = np.random.default_rng(5)
    points = np.concatenate(
        [cloud(20_000), rng.integers(-3, 3, (500, 3)) / 2, [[1e308, 1e308, 5e-324], [0, 1e-300, 1e-300]]]
    )
    depth = rng.choice([0, 1.5, 2, 65.535, np.nan, np.inf], (48, 64)).astype(np.float32)
    shift = turned(0.01, (0.02, 0, 0))
    posed = frame(camera_to_world=turned(0.4, (0, 0, -1)), depth_to_color=shift)
    view = make_view(points, posed, None if options.splat_radius else depth, options)
    for loops, arrays in zip(kernels.see(points, view), see_numpy(points, view), strict=True):
        assert loops.dtype == arrays.dtype
        assert np.array_equal(loops, arrays)


def test_drawing_agrees_exactly() -> None:
    kernels = pytest.importorskip("ovstore.ingest.fusion.visibility_kernels")
    rng = np.random.default_rng(6)
    splats = (rng.integers(-5, 45, 300), rng.integers(-5, 35, 300), rng.uniform(1, 4, 300), rng.integers(0, 4, 300))
    one, other = np.full((2, 30, 40), np.inf)
    kernels.draw(*splats, one)
    draw_numpy(*splats, other)
    assert np.isfinite(one).any() and np.array_equal(one, other)


def test_a_depth_image_of_another_size_is_named() -> None:
    with pytest.raises(BadScene, match="has 10x20 pixels, its camera says 64x48"):
        correspond(cloud(5), frame(), 0, np.ones((20, 10), np.float32), VisibilityOptions())


def test_a_pose_without_inverse_is_named() -> None:
    with pytest.raises(BadScene, match="no inverse"):
        correspond(cloud(5), frame(camera_to_world=np.zeros((4, 4))), 0, None, VisibilityOptions())


@pytest.mark.parametrize(
    "wrong", [{"depth_tolerance": -0.1}, {"depth_tolerance": 1.0}, {"border": -1}, {"splat_radius": np.nan}], ids=str
)
def test_options_that_make_no_sense_are_refused(wrong: dict) -> None:
    with pytest.raises(BadInput, match=next(iter(wrong))):
        replace(VisibilityOptions(), **wrong)
