"""Boxes hold all points of their part, and the turned ones are never the larger."""

import numpy as np
import pytest
from numpy.typing import NDArray
from ovstore.core.errors import BadInput
from ovstore.core.features import OrientedBox
from ovstore.ingest.compiled import COMPILED
from ovstore.ingest.regions.boxes import boxes, least_rectangles


def clusters(seed: int, parts: int = 20) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Turned blobs of 1 to 200 points, among them flat, straight and single-point ones."""
    rng = np.random.default_rng(seed)
    xyz, part = [], []
    for p in range(parts):
        count = int(rng.integers(1, 200)) if p else 1
        angle = rng.uniform(0, np.pi)
        turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
        extent = rng.uniform(0.1, 2, 3) * rng.integers(0, 2, 3)
        xyz.append((rng.uniform(-1, 1, (count, 3)) * extent) @ turn.T + rng.uniform(-5, 5, 3))
        part.append(np.full(count, p, np.int32))
    shuffle = rng.permutation(sum(map(len, part)))
    return np.concatenate(xyz)[shuffle], np.concatenate(part)[shuffle]


def inside(box: OrientedBox, xyz: NDArray[np.float64], slack: float = 1e-9) -> bool:
    local = (xyz - box.centre) @ box.axes
    return bool((np.abs(local) <= box.size / 2 + slack).all())


@pytest.mark.parametrize("up_axis", ["x", "y", "z", "-y"])
@pytest.mark.parametrize("seed", range(3))
def test_boxes_hold_their_points_and_turned_ones_are_no_larger(seed: int, up_axis: str) -> None:
    xyz, part = clusters(seed)
    found = boxes(xyz, part, 20, up_axis)
    for p, box in enumerate(found.oriented):
        mine = xyz[part == p]
        assert (found.box_min[p] == mine.min(axis=0)).all()
        assert (found.box_max[p] == mine.max(axis=0)).all()
        assert inside(box, mine)
        assert box.size.prod() <= np.prod(found.box_max[p] - found.box_min[p]) * (1 + 1e-12)
        np.testing.assert_allclose(box.axes.T @ box.axes, np.eye(3), atol=1e-12)
        assert np.linalg.det(box.axes) == pytest.approx(1)


def test_a_turned_brick_is_measured_along_its_own_sides() -> None:
    angle = np.radians(30)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    corners = np.stack(np.meshgrid([-1, 1], [-1, 1], [-1, 1]), axis=-1).reshape(-1, 3) * (1.0, 0.25, 0.4)
    [box] = boxes(corners @ turn.T + (3, 4, 5), np.zeros(8, np.int32), 1).oriented
    np.testing.assert_allclose(box.centre, (3, 4, 5), atol=1e-12)
    np.testing.assert_allclose(box.size, (2, 0.5, 0.8), atol=1e-12)
    np.testing.assert_allclose(box.axes, turn, atol=1e-12)


def test_moving_a_scene_moves_its_boxes() -> None:
    xyz, part = clusters(5)
    moved = (128.0, -64.0, 32.0)
    before, after = boxes(xyz, part, 20), boxes(xyz + moved, part, 20)
    np.testing.assert_allclose(after.box_min, before.box_min + moved, atol=1e-9)
    for one, other in zip(before.oriented, after.oriented, strict=True):
        np.testing.assert_allclose(other.centre, one.centre + moved, atol=1e-9)
        np.testing.assert_allclose(other.size, one.size, atol=1e-9)


def test_a_straight_line_has_a_box_of_no_width() -> None:
    along = np.linspace(0, 1, 7)[:, None]
    [box] = boxes(along * (1.0, 1.0, 0.5), np.zeros(7, np.int32), 1).oriented
    np.testing.assert_allclose(np.sort(box.size), (0, 0.5, np.sqrt(2)), atol=1e-12)


def test_a_round_thing_keeps_its_axes_and_size() -> None:
    angle = np.linspace(0, 2 * np.pi, 360, endpoint=False)
    disc = np.stack([np.cos(angle), np.sin(angle), np.zeros(360)], axis=1)
    [box] = boxes(disc, np.zeros(360, np.int32), 1).oriented
    np.testing.assert_allclose(box.size, (2, 2, 0), atol=1e-3)


def test_an_up_axis_that_is_none_is_refused() -> None:
    with pytest.raises(BadInput, match="up axis is 'w'"):
        boxes(np.zeros((1, 3)), np.zeros(1, np.int32), 1, "w")


@pytest.mark.skipif(not COMPILED, reason="numba is not installed")
def test_the_plain_twin_finds_the_same_rectangles() -> None:
    xyz, part = clusters(9)
    order = np.lexsort((xyz[:, 1], xyz[:, 0], part))
    stop = np.cumsum(np.bincount(part))
    low = np.stack([xyz[part == p, :2].min(axis=0) for p in range(20)])
    ground = (xyz[:, :2] - low[part])[order]
    extent = np.stack([xyz[part == p, :2].max(axis=0) for p in range(20)]) - low
    fast, plain = least_rectangles(ground, stop, extent), least_rectangles.py_func(ground, stop, extent)
    np.testing.assert_allclose(fast, plain, atol=1e-12)
