"""What a student is shown: voxels, inputs, targets, and how they are altered at random."""

import colorsys
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from ovstore.core.errors import BadInput, BadScene
from ovstore.models.training.augmentation import (
    bend,
    flip,
    jitter_colors,
    stretch_contrast,
    translate_colors,
    turn_hues,
)
from ovstore.models.training.options import TrainingOptions
from ovstore.models.training.scenes import TrainingScene, TrainingSource
from ovstore.models.training.voxel_samples import VoxelSample, sample
from ovstore.models.voxels import upright, voxelise

COLOURS = np.random.default_rng(5).uniform(0, 255, (60, 3)).astype(np.float32)
MEAN = TrainingOptions(voxel_size=0.25)
LOWEST = replace(MEAN, target="representative")


def scene(points: int = 400, seed: int = 0, **changed: object) -> TrainingScene:
    """Half of the points are taught eight numbers each."""
    rng = np.random.default_rng(seed)
    values: dict[str, object] = {
        "name": "room",
        "xyz": rng.uniform(0, 2, (points, 3)),
        "rgb": rng.integers(0, 256, (points, 3)).astype(np.uint8),
        "point_index": np.sort(rng.choice(points, points // 2, replace=False)),
        "target": rng.standard_normal((points // 2, 8)).astype(np.float16),
    }
    return TrainingScene(**values | changed)  # type: ignore[arg-type]


def shown(taught: TrainingScene, options: TrainingOptions, seed: int = 0, augment: bool = False) -> VoxelSample:
    """A sample with a generator of its own."""
    return sample(taught, options, np.random.default_rng(seed), augment)


def distances(cells: NDArray[np.integer]) -> NDArray[np.float64]:
    """Between all pairs of rows."""
    return np.linalg.norm(cells[:, None] - cells[None], axis=2)


# Bends and flips


@pytest.mark.parametrize("granularity, magnitude", [(0.2, 0.4), (0.8, 1.6), (5.0, 1.0)])
def test_points_are_bent_by_what_the_noise_at_their_eight_knots_says(granularity: float, magnitude: float) -> None:
    xyz = np.random.default_rng(1).uniform(-1, 2, (200, 3))
    moved = (bend(xyz, granularity, magnitude, np.random.default_rng(7)) - xyz) / magnitude
    low = xyz.min(axis=0)
    shape = (np.floor((xyz.max(axis=0) - low) / granularity) + 3).astype(int)
    noise = np.random.default_rng(7).standard_normal((3, *shape), np.float32)
    for axis in (1, 2, 3, 1, 2, 3):  # boxes of three, the slow way
        padded = np.pad(noise, [(1, 1) if a == axis else (0, 0) for a in range(4)])
        noise = sum(np.take(padded, np.arange(noise.shape[axis]) + k, axis=axis) for k in range(3)) / 3
    place = (xyz - low) / granularity + 1
    corner = np.floor(place).astype(int)
    expected = np.zeros((200, 3))
    for step in np.ndindex(2, 2, 2):
        at = np.minimum(corner + step, shape - 1)
        weight = np.where(step, place - corner, 1 - (place - corner)).prod(axis=1)
        expected += weight[:, None] * noise[:, at[:, 0], at[:, 1], at[:, 2]].T
    assert np.allclose(moved, expected, atol=1e-5)
    assert (np.abs(moved) <= np.abs(noise).max() + 1e-6).all()


def test_bends_without_magnitude_leave_points_where_they_are() -> None:
    xyz = np.random.default_rng(1).uniform(-1, 2, (200, 3))
    assert (bend(xyz, 0.2, 0.0, np.random.default_rng(0)) == xyz).all()


def test_neighbours_are_bent_alike() -> None:
    xyz = np.random.default_rng(1).uniform(0, 4, (2000, 3))
    near = xyz + 0.001
    both = bend(np.concatenate([xyz, near]), 0.2, 0.4, np.random.default_rng(0))
    assert np.abs(both[2000:] - both[:2000] - 0.001).max() < 0.01


def test_a_grid_of_bends_that_no_memory_holds_is_refused() -> None:
    with pytest.raises(BadInput, match=r"0.2 m over .* elastic_probability = 0"):
        bend(np.array([[0.0, 0, 0], [1e4, 1e4, 1e4]]), 0.2, 0.4, np.random.default_rng(0))


def test_flips_keep_all_distances_and_never_turn_a_room_over() -> None:
    cells = np.random.default_rng(2).integers(0, 50, (40, 3)).astype(np.int32)
    seen = set()
    for seed in range(40):
        flipped = flip(cells, 0.95, np.random.default_rng(seed))
        assert flipped.dtype == np.int32
        assert (distances(flipped) == distances(cells)).all()
        assert (flipped[:, 2] == cells[:, 2]).all()
        assert (flipped.max(axis=0) <= cells.max(axis=0)).all() and (flipped >= 0).all()
        seen.add(((flipped[:, 0] != cells[:, 0]).any(), (flipped[:, 1] != cells[:, 1]).any()))
    assert len(seen) == 4
    assert all((flip(cells, 0.0, np.random.default_rng(seed)) == cells).all() for seed in range(20))


def test_flips_happen_as_often_as_they_should() -> None:
    cells = np.array([[0, 0, 0], [1, 1, 1]], np.int32)
    flips = [flip(cells, 0.95, np.random.default_rng(seed))[0, 0] for seed in range(2000)]
    assert abs(np.mean(flips) - 0.475) < 0.04


# Colours


def test_contrast_keeps_the_order_of_each_channel_and_reaches_no_further_than_the_range() -> None:
    dull = 100 + COLOURS / 10
    stretched = stretch_contrast(dull, np.random.default_rng(0))
    assert stretched.dtype == np.float32
    assert (np.argsort(stretched, axis=0) == np.argsort(dull, axis=0)).all()
    assert (np.ptp(stretched, axis=0) > np.ptp(dull, axis=0)).all()
    assert stretched.min() > -1e-3 and stretched.max() < 255.001


def test_contrast_leaves_a_channel_of_one_value_alone() -> None:
    grey = np.full((5, 3), 7, np.float32)
    assert (stretch_contrast(grey, np.random.default_rng(0)) == grey).all()


def test_translation_moves_all_rows_alike() -> None:
    moved = translate_colors(100 + COLOURS / 10, 0.1, np.random.default_rng(0)) - (100 + COLOURS / 10)
    assert np.allclose(moved, moved[0], atol=1e-4)
    assert (np.abs(moved) <= 25.5).all() and np.abs(moved).max() > 1


def test_jitter_moves_every_row_by_itself() -> None:
    grey = np.full((20_000, 3), 127, np.float32)
    jittered = jitter_colors(grey, 0.05, np.random.default_rng(0))
    assert abs(jittered.std() - 12.75) < 0.2
    assert abs(jittered.mean() - 127) < 0.2


@pytest.mark.parametrize(
    "alter", [translate_colors, jitter_colors, lambda rgb, most, rng: turn_hues(rgb, most, most, rng)]
)
def test_colours_stay_within_the_range_and_strength_zero_leaves_them(alter) -> None:  # type: ignore[no-untyped-def]
    altered = alter(COLOURS, 0.5, np.random.default_rng(0))
    assert altered.dtype == np.float32 and altered.shape == COLOURS.shape
    assert altered.min() >= -1e-4 and altered.max() <= 255.001
    assert np.allclose(alter(COLOURS, 0.0, np.random.default_rng(0)), COLOURS, atol=1e-3)


def test_hues_turn_as_the_standard_library_turns_them() -> None:
    rgb = np.concatenate([COLOURS, [[0, 0, 0], [255, 255, 255], [90, 90, 90], [255, 0, 0], [9, 200, 200]]])
    turned = turn_hues(rgb.astype(np.float32), 0.5, 0.2, np.random.default_rng(3))
    rng = np.random.default_rng(3)
    turn, factor = rng.uniform(-0.5, 0.5), 1 + rng.uniform(-0.2, 0.2)
    for row, ours in zip(rgb / 255, turned, strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(*row)
        expected = colorsys.hsv_to_rgb((hue + turn) % 1, min(saturation * factor, 1), value)
        assert np.allclose(ours / 255, expected, atol=1e-5)


# Samples


def test_without_augmentation_a_scene_stands_as_it_is() -> None:
    taught = scene()
    grid = voxelise(taught.xyz, upright(0.25))
    found = shown(taught, MEAN)
    assert (found.cells == grid.cells).all()
    assert (found.cells == shown(taught, MEAN, seed=1).cells).all()


def test_a_voxel_is_taught_as_the_mean_of_its_points() -> None:
    taught = scene()
    grid, found = voxelise(taught.xyz, upright(0.25)), shown(taught, MEAN)
    voxels = grid.voxel_of_point[taught.point_index]
    assert found.voxel_index.tolist() == sorted(set(voxels))
    for voxel, target in zip(found.voxel_index, found.target, strict=True):
        mean = taught.target[voxels == voxel].astype(np.float64).mean(axis=0)
        assert np.allclose(target, mean, atol=2e-3)
    color = taught.rgb[grid.voxel_of_point == 3].mean(axis=0) if taught.rgb is not None else None
    assert np.allclose(found.inputs[3], color / 127.5 - 1, atol=1e-6)


def test_a_voxel_is_taught_as_its_lowest_point_where_that_is_taught() -> None:
    taught = scene()
    grid, found = voxelise(taught.xyz, upright(0.25)), shown(taught, LOWEST)
    row_of_point = {int(point): row for row, point in enumerate(taught.point_index)}
    expected = [(v, row_of_point[int(p)]) for v, p in enumerate(grid.representative) if int(p) in row_of_point]
    assert found.voxel_index.tolist() == [voxel for voxel, _ in expected]
    assert (found.target == taught.target[[row for _, row in expected]]).all()
    assert taught.rgb is not None
    assert np.allclose(found.inputs, taught.rgb[grid.representative] / 127.5 - 1, atol=1e-6)


def test_the_mean_knows_no_order_of_points() -> None:
    taught = scene()
    order = np.random.default_rng(1).permutation(400)
    back = np.argsort(order)
    moved = np.argsort(back[taught.point_index])
    shuffled = scene(
        xyz=taught.xyz[order],
        rgb=taught.rgb[order],
        point_index=back[taught.point_index][moved],
        target=taught.target[moved],
    )
    one, other = shown(taught, MEAN), shown(shuffled, MEAN)
    assert (one.cells == other.cells).all() and (one.inputs == other.inputs).all()
    assert (one.voxel_index == other.voxel_index).all()
    assert np.allclose(one.target, other.target, atol=2e-3)


def test_classes_are_taught_by_the_lowest_point() -> None:
    rng = np.random.default_rng(0)
    classes = scene(target=rng.integers(0, 5, 200))
    found = shown(classes, replace(LOWEST, loss="cross_entropy"))
    vectors = shown(scene(), LOWEST)
    assert (found.voxel_index == vectors.voxel_index).all()
    assert found.target.dtype == np.int64 and len(found.target) == len(vectors.target)


@pytest.mark.parametrize("options", [MEAN, LOWEST])
def test_supervised_points_are_drawn_from_all_points_anew_each_time(options: TrainingOptions) -> None:
    taught = scene(4000)
    few = replace(options, voxel_size=0.01, supervised_points=1000)
    found = [shown(taught, few, seed) for seed in range(8)]
    counts = [len(each.voxel_index) for each in found]
    assert abs(np.mean(counts) - 500) < 40  # half of the points have a target
    assert len({tuple(each.voxel_index) for each in found}) == 8
    assert all(len(each.cells) == len(found[0].cells) for each in found)


def test_ones_are_ones_and_need_no_colours() -> None:
    found = shown(scene(rgb=None), replace(MEAN, inputs="ones"), augment=True)
    assert (found.inputs == 1).all() and found.inputs.dtype == np.float32


def test_colours_that_are_not_there_are_missed_by_name() -> None:
    with pytest.raises(BadScene, match=r"^room has no colours, .*'ones'"):
        shown(scene(rgb=None), MEAN)


def test_a_scene_that_is_taught_nothing_is_a_sample_all_the_same() -> None:
    bare = scene(point_index=np.zeros(0, np.int64), target=np.zeros((0, 8), np.float16))
    for options in (MEAN, LOWEST):
        found = shown(bare, options)
        assert len(found.cells) and not len(found.voxel_index) and found.target.shape == (0, 8)


def test_targets_that_may_not_be_written_are_read() -> None:
    taught = scene()
    taught.target.setflags(write=False)
    assert (shown(taught, MEAN).target == shown(scene(), MEAN).target).all()


def test_a_loss_for_classes_refuses_vectors_and_the_other_way_round() -> None:
    with pytest.raises(BadScene, match="room has vectors as targets, which loss = 'cross_entropy'"):
        shown(scene(), replace(LOWEST, loss="cross_entropy"))
    with pytest.raises(BadScene, match="room has classes as targets, which loss = 'cosine'"):
        shown(scene(target=np.zeros(200, np.int64)), MEAN)


def test_augmentation_moves_points_and_not_what_they_are_taught() -> None:
    taught = scene()
    fine = replace(LOWEST, voxel_size=0.001)  # one voxel per point: the order alone may differ
    plain, altered = shown(taught, fine), shown(taught, fine, augment=True)
    assert len(plain.cells) == len(altered.cells) == 400
    assert not (plain.cells == altered.cells).all()
    assert sorted(map(tuple, plain.target.tolist())) == sorted(map(tuple, altered.target.tolist()))
    assert (shown(taught, fine, augment=True).cells == altered.cells).all()


def test_with_everything_off_augmentation_is_none() -> None:
    off = replace(
        MEAN, placement="upright", elastic_probability=0.0, flip_probability=0.0, contrast_probability=0.0,
        color_probability=0.0, hue=0.0, saturation=0.0,
    )  # fmt: skip
    plain, altered = shown(scene(), off), shown(scene(), off, augment=True)
    assert (plain.cells == altered.cells).all() and np.allclose(plain.inputs, altered.inputs, atol=1e-5)


# Scenes


@pytest.mark.parametrize(
    "changed, found",
    [
        ({"xyz": np.zeros((0, 3))}, r"points of shape \(0, 3\)"),
        ({"xyz": np.diag([1, np.nan, np.inf])}, "2 points are not finite"),
        ({"rgb": np.zeros((400, 3))}, "colours are float64"),
        ({"point_index": np.arange(200)[::-1]}, "point_index must be ascending within 0 .. 399"),
        ({"point_index": np.arange(300, 500)}, "point_index must be ascending within 0 .. 399"),
        ({"target": np.zeros((200, 8))}, "targets are float64"),
        (
            {"target": np.zeros((7, 8), np.float16)},
            r"float16 \(200, C\) vectors or int64 \(200,\) classes were expected",
        ),
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(changed: dict[str, object], found: str) -> None:
    with pytest.raises(BadScene, match=f"^room: .*{found}"):
        scene(**changed)


def test_a_source_that_fails_names_its_scene() -> None:
    def missing() -> TrainingScene:
        raise BadInput("features.parquet is not there.")

    def broken() -> TrainingScene:
        raise KeyError("x")

    with pytest.raises(BadScene, match=r"^scene0001_00: features.parquet is not there\.$"):
        TrainingSource("scene0001_00", missing)()
    with pytest.raises(KeyError) as caught:
        TrainingSource("scene0001_00", broken)()
    assert "scene0001_00" in caught.value.__notes__[0]
