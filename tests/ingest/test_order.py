"""Points are kept along a Morton curve."""

import numpy as np
import pytest
from ovstore.ingest.order import morton_order


def test_the_order_is_a_permutation() -> None:
    order = morton_order(np.random.default_rng(0).normal(size=(1000, 3)))
    assert order.dtype == np.int32
    assert np.array_equal(np.sort(order), np.arange(1000))


def test_a_grid_is_walked_octant_by_octant() -> None:
    corners = np.array([[x, y, z] for z in (0, 1) for y in (0, 1) for x in (0, 1)], float)
    assert np.array_equal(morton_order(corners), np.arange(8))
    assert np.array_equal(morton_order(corners[::-1]), np.arange(8)[::-1])


def test_an_ordered_cloud_stays_as_it_is() -> None:
    xyz = np.random.default_rng(1).uniform(-5, 5, (500, 3))
    xyz = xyz[morton_order(xyz)]
    assert np.array_equal(morton_order(xyz), np.arange(500))


def test_the_order_knows_neither_place_nor_scale() -> None:
    xyz = np.random.default_rng(2).integers(-64, 64, (300, 3)).astype(float)
    assert np.array_equal(morton_order(xyz), morton_order(xyz * 1024 + 2.0**20))


def test_neighbours_in_order_are_neighbours_in_space() -> None:
    xyz = np.random.default_rng(3).uniform(size=(4000, 3))
    step = np.linalg.norm(np.diff(xyz, axis=0), axis=1).mean()
    ordered_step = np.linalg.norm(np.diff(xyz[morton_order(xyz)], axis=0), axis=1).mean()
    assert ordered_step < step / 5


@pytest.mark.parametrize(
    "xyz",
    [
        np.zeros((1, 3)),
        np.full((7, 3), 3.5),
        np.array([[0, 0, 0], [0, 0, 5e-324]]),
        np.array([[-1.7e308, 0, 0], [1.7e308, 0, 0], [1.7e308, 1, 0]]),
        np.array([[0.0, 0, 1], [0, 0, 1], [0, 0, 2], [0, 0, 2]]),
    ],
    ids=["one point", "one place", "almost one place", "as wide as numbers go", "a line with doubles"],
)
def test_points_that_cannot_be_told_apart_keep_their_order(xyz: np.ndarray) -> None:
    assert np.array_equal(morton_order(xyz), np.arange(len(xyz)))
