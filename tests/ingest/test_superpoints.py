"""Superpoints partition a cloud along its edges and colours."""

import numpy as np
import pytest
from numpy.typing import NDArray
from ovstore.core.errors import BadInput
from ovstore.core.scene import PointCloud
from ovstore.ingest.compiled import COMPILED
from ovstore.ingest.regions.superpoints import SuperpointOptions, grow, superpoints


def corner(seed: int = 0, count: int = 3000) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Points on three square metres that meet at right angles, and which of them each is on."""
    rng = np.random.default_rng(seed)
    side = rng.integers(0, 3, count)
    xyz = rng.random((count, 3))
    xyz[np.arange(count), side] = 0
    return xyz, side


def grid_mesh(columns: int, rows: int) -> PointCloud:
    """A flat mesh in the ground plane, 2 cm a step."""
    column, row = np.meshgrid(np.arange(columns), np.arange(rows))
    xyz = np.stack([column.ravel(), row.ravel(), np.zeros(columns * rows)], axis=1) * 0.02
    first = (np.arange(columns - 1) + columns * np.arange(rows - 1)[:, None]).ravel()
    faces = np.concatenate(
        [
            np.stack([first, first + 1, first + columns], axis=1),
            np.stack([first + 1, first + columns + 1, first + columns], axis=1),
        ]
    )
    return PointCloud(xyz, faces=faces.astype(np.int32))


def same_parts(one: NDArray[np.integer], other: NDArray[np.integer]) -> bool:
    pairs = len(np.unique(np.stack([one, other]), axis=1).T)
    return pairs == len(np.unique(one)) == len(np.unique(other))


def purity(part: NDArray[np.integer], truth: NDArray[np.integer]) -> float:
    table = np.zeros((part.max() + 1, truth.max() + 1))
    np.add.at(table, (part, truth), 1)
    return float(table.max(axis=1).sum() / len(part))


def test_the_sides_of_a_corner_are_not_mixed() -> None:
    xyz, side = corner()
    found = superpoints(PointCloud(xyz))
    assert found.max() + 1 < 60
    assert purity(found, side) > 0.95


def test_colours_part_what_is_flush() -> None:
    rng = np.random.default_rng(1)
    xyz = np.concatenate([rng.random((4000, 2)), np.zeros((4000, 1))], axis=1)
    red = xyz[:, 0] > 0.5
    rgb = np.where(red[:, None], (200, 30, 30), (30, 30, 200)).astype(np.uint8)
    assert superpoints(PointCloud(xyz)).max() == 0
    found = superpoints(PointCloud(xyz, rgb=rgb))
    assert purity(found, red.astype(int)) > 0.99
    assert superpoints(PointCloud(xyz, rgb=rgb), SuperpointOptions(color_weight=0)).max() == 0


def test_superpoints_are_numbered_by_their_first_points() -> None:
    found = superpoints(PointCloud(corner()[0]))
    _, first = np.unique(found, return_index=True)
    assert found.dtype == np.int32
    assert (np.unique(found) == np.arange(found.max() + 1)).all()
    assert (np.diff(first) > 0).all()


def test_the_order_of_points_changes_only_the_numbering() -> None:
    xyz, _ = corner()
    rgb = np.random.default_rng(3).integers(0, 255, (len(xyz), 3)).astype(np.uint8)
    cloud = PointCloud(xyz, rgb=rgb)
    rows = np.random.default_rng(2).permutation(len(xyz))
    assert same_parts(superpoints(cloud)[rows], superpoints(cloud.take(rows)))


def test_small_patches_join_others() -> None:
    xyz, _ = corner()
    noisy = np.random.default_rng(4).integers(0, 255, (len(xyz), 3)).astype(np.uint8)
    size = np.bincount(superpoints(PointCloud(xyz, rgb=noisy), SuperpointOptions(min_points=50)))
    assert size.min() >= 50


def test_far_things_are_never_one_superpoint() -> None:
    rng = np.random.default_rng(5)
    sheet = np.concatenate([rng.random((500, 2)), np.zeros((500, 1))], axis=1)
    found = superpoints(PointCloud(np.concatenate([sheet, sheet + np.array([5.0, 0, 0])])))
    assert not set(found[:500]) & set(found[500:])


def test_a_mesh_is_cut_where_it_bends_inwards_rather_than_outwards() -> None:
    flat = grid_mesh(41, 21)
    height = np.abs(flat.xyz[:, 0] - 0.4)
    valley = PointCloud(flat.xyz + height[:, None] * (0, 0, 0.6), faces=flat.faces)
    ridge = PointCloud(flat.xyz - height[:, None] * (0, 0, 0.6), faces=flat.faces)
    assert superpoints(flat).max() == 0
    assert superpoints(valley).max() >= 1
    assert superpoints(ridge).max() < superpoints(valley).max()


def test_the_datasets_segments_are_kept_as_they_are() -> None:
    segments = np.array([70, 70, 3, 3, 3, 900], np.int32)
    found = superpoints(PointCloud(np.random.default_rng(0).random((6, 3)), segments=segments))
    assert found.tolist() == [0, 0, 1, 1, 1, 2]


def test_points_left_out_by_the_dataset_are_superpoints_by_component() -> None:
    mesh = grid_mesh(10, 4)
    column = np.arange(40) % 10
    segments = np.where((column == 3) | (column == 6), -1, 5).astype(np.int32)
    cloud = PointCloud(mesh.xyz, faces=mesh.faces, segments=segments)
    found = superpoints(cloud)
    assert found.max() == 2
    assert same_parts(found, np.where(column == 3, 1, np.where(column == 6, 2, 0)))


@pytest.mark.parametrize("count", [1, 2, 5])
def test_tiny_clouds_have_superpoints(count: int) -> None:
    found = superpoints(PointCloud(np.random.default_rng(0).random((count, 3))))
    assert len(found) == count
    assert found.min() == 0


def test_points_in_one_place_have_superpoints() -> None:
    assert len(superpoints(PointCloud(np.ones((100, 3))))) == 100


@pytest.mark.skipif(not COMPILED, reason="numba is not installed")
def test_the_plain_twin_grows_the_same_patches() -> None:
    rng = np.random.default_rng(7)
    edges = np.unique(np.sort(rng.integers(0, 200, (900, 2)), axis=1), axis=0).astype(np.int32)
    weight = np.sort(rng.random(len(edges)))
    for threshold, least in [(0.01, 20), (0.5, 1), (3.0, 5)]:
        assert (grow(edges, weight, 200, threshold, least) == grow.py_func(edges, weight, 200, threshold, least)).all()


@pytest.mark.parametrize("wrong", [{"threshold": -1.0}, {"neighbours": 0}, {"max_gap": 0.0}, {"color_weight": -1.0}])
def test_options_that_mean_nothing_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(BadInput, match=next(iter(wrong))):
        SuperpointOptions(**wrong)
