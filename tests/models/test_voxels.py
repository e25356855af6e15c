"""Voxels as OpenScene makes them."""

import numpy as np
import pytest
from ovstore.core.errors import BadInput
from ovstore.models.voxels import Placement, hash_cells, random_placement, upright, voxelise

POINTS = np.array([
    [0.001, 0.001, 0.001], [0.03, 0.001, 0.001], [0.015, 0.019, 0.001],
    [0.001, 0.05, 0.001], [0.001, 0.001, 0.045], [0.039, 0.01, 0.019],
])  # fmt: skip


def test_hashes_are_the_originals() -> None:
    known = {(0, 0, 0): 15658191375538532279, (1, 2, 3): 15657232601398921515, (100, 20, 7): 15623776661582340072}
    assert hash_cells(np.array(list(known))).tolist() == list(known.values())


def test_six_points_become_four_voxels_in_the_originals_order() -> None:
    grid = voxelise(POINTS, upright(0.02))
    assert grid.cells.tolist() == [[1, 0, 0], [0, 0, 2], [0, 0, 0], [0, 2, 0]]
    assert grid.representative.tolist() == [1, 4, 0, 3]
    assert grid.voxel_of_point.tolist() == [2, 0, 2, 3, 1, 0]


def test_every_point_lies_in_its_voxel_and_the_lowest_stands_for_it() -> None:
    xyz = np.random.default_rng(0).uniform(-2, 2, (3000, 3))
    grid = voxelise(xyz, upright(0.25))
    cells = np.floor(xyz / 0.25)
    assert (grid.cells[grid.voxel_of_point] == cells - cells.min(axis=0)).all()
    lowest = [np.flatnonzero(grid.voxel_of_point == row)[0] for row in range(len(grid.cells))]
    assert grid.representative.tolist() == lowest
    assert len(np.unique(grid.cells, axis=0)) == len(grid.cells)


def test_the_order_of_points_changes_the_representatives_only() -> None:
    rng = np.random.default_rng(1)
    xyz = rng.uniform(0, 1, (500, 3))
    order = rng.permutation(500)
    one, other = voxelise(xyz, upright(0.1)), voxelise(xyz[order], upright(0.1))
    assert (one.cells == other.cells).all()
    assert (one.voxel_of_point[order] == other.voxel_of_point).all()


def test_a_placement_turns_and_then_counts_cells() -> None:
    quarter = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])  # x to y
    grid = voxelise(np.array([[0.5, 0.5, 0.5], [3.5, 0.5, 0.5]]), Placement(quarter, 1.0))
    assert grid.cells[grid.voxel_of_point].tolist() == [[0, 0, 0], [0, 3, 0]]


@pytest.mark.parametrize("make", [np.random.default_rng, np.random.RandomState])
def test_random_placements_are_small_tilts_any_turn_and_a_tenth_of_scale(make) -> None:  # type: ignore[no-untyped-def]
    rng = make(3)
    placements = [random_placement(0.02, rng) for _ in range(200)]
    for placement in placements:
        assert np.allclose(placement.rotation @ placement.rotation.T, np.eye(3))
        assert np.isclose(np.linalg.det(placement.rotation), 1)
        assert 45 <= placement.scale <= 55
        assert placement.rotation[2, 2] > np.cos(np.pi / 32) - 1e-12  # tilts add up where z turns between them
    headings = [np.arctan2(p.rotation[1, 0], p.rotation[0, 0]) for p in placements]
    assert min(headings) < -3 and max(headings) > 3


def test_the_draws_are_three_angles_a_shuffle_and_a_scale() -> None:
    rng, same = np.random.RandomState(5), np.random.RandomState(5)
    placement = random_placement(0.05, rng)
    for bound in (np.pi / 64, np.pi / 64, np.pi):
        same.uniform(-bound, bound)
    same.shuffle([0, 1, 2])
    assert placement.scale == 1 / 0.05 * same.uniform(0.9, 1.1)


@pytest.mark.parametrize(
    ("xyz", "said"),
    [
        (np.zeros((0, 3)), "one or more rows"),
        (np.zeros((4, 2)), "one or more rows"),
        (np.array([[0, 0, np.nan], [0, 0, 0]]), "1 points are not finite"),
        (np.array([[0, 0, 1e9], [0, 0, 0]]), "larger voxels"),
    ],
)
def test_points_that_cannot_be_voxelised_are_refused(xyz: np.ndarray, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        voxelise(xyz, upright(0.02))
