"""Pooled regions partition the points, stand for their members, and bound their scores."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from ovstore.core.errors import BadInput, BadScene
from ovstore.core.features import Correspondence, EmbeddingSpace, PointFeatures, RegionFeatures
from ovstore.core.scene import Camera, Frame, PointCloud
from ovstore.ingest.compiled import COMPILED
from ovstore.ingest.regions.pool import PoolOptions, pool_regions, pool_scene
from ovstore.ingest.regions.prototypes import prototypes
from ovstore.ingest.regions.sums import farthest, farthest_plain, sum_directions, sum_directions_plain

SPACE = EmbeddingSpace("test", 32, "")
FRAMES = [Frame("0", Camera(100, 80, 90, 90, 49.5, 39.5), np.eye(4), Path("0.png"))]


def directions(rng: np.random.Generator, count: int) -> NDArray[np.float16]:
    rows = rng.standard_normal((count, SPACE.dim)) + 1
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)


class Room:
    """600 points in 30 superpoints and 7 objects; superpoint 4, object 6 and every ninth point are seen by nobody."""

    def __init__(self, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.superpoint = np.concatenate([np.arange(30), rng.integers(0, 30, 570)]).astype(np.int32)
        self.object_of_superpoint = np.concatenate([np.arange(7), rng.integers(0, 6, 23)]).astype(np.int32)
        labels = np.where(self.superpoint % 5 == 0, -1, self.superpoint % 5).astype(np.int32)
        self.points = PointCloud(rng.random((600, 3)), labels=labels, label_names={1: "one", 2: "two", 3: "three"})
        unseen = (np.arange(600) % 9 == 8) | np.isin(self.superpoint, (4, 6))
        index = np.flatnonzero(~unseen).astype(np.int32)
        self.features = PointFeatures(SPACE, index, directions(rng, len(index)), np.ones(len(index), np.int32))
        uv = rng.uniform(0, 79, (len(index), 2)).astype(np.float32)
        self.seen = [Correspondence(0, index, uv, np.ones(len(index), np.float32))]

    def pooled(self) -> tuple[RegionFeatures, RegionFeatures]:
        return pool_regions(
            self.points, self.superpoint, self.object_of_superpoint, self.features, self.seen, FRAMES, PoolOptions()
        )

    def members(self, level: RegionFeatures, ordinal: int) -> NDArray[np.bool_]:
        part = self.superpoint if level.level == "superpoint" else self.object_of_superpoint[self.superpoint]
        return part == ordinal


def test_both_levels_hold_each_seen_point_once() -> None:
    room = Room()
    for level in room.pooled():
        assert sum(region.seen_count for region in level.regions) == len(room.features.point_index)
        for region in level.regions:
            mine = room.members(level, region.ordinal)
            assert region.point_count == mine.sum()
            assert region.seen_count == mine[room.features.point_index].sum() > 0
            np.testing.assert_allclose(region.centre, room.points.xyz[mine].mean(axis=0))
            assert (region.box_min <= room.points.xyz[mine]).all()
            assert (region.box_max >= room.points.xyz[mine]).all()


def test_regions_nobody_saw_have_no_row() -> None:
    below, above = Room().pooled()
    assert [region.ordinal for region in below.regions] == [s for s in range(30) if s not in (4, 6)]
    assert [region.ordinal for region in above.regions] == [o for o in range(7) if o != 6]


def test_a_vector_is_the_mean_direction_of_the_members() -> None:
    room = Room()
    for level in room.pooled():
        for region, vector in zip(level.regions, level.vectors, strict=True):
            mine = room.members(level, region.ordinal)[room.features.point_index]
            rows = room.features.vectors[mine].astype(np.float64)
            mean = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).mean(axis=0)
            np.testing.assert_allclose(vector, mean / np.linalg.norm(mean), atol=5e-4)


def test_the_length_of_a_members_vector_does_not_count() -> None:
    room = Room()
    scaled = replace(room.features, vectors=(room.features.vectors * np.float16(4)))
    before, _ = room.pooled()
    room.features = scaled
    after, _ = room.pooled()
    np.testing.assert_allclose(after.vectors, before.vectors, atol=5e-4)


@pytest.mark.parametrize("seed", range(3))
def test_no_point_scores_above_its_regions_bound(seed: int) -> None:
    room = Room(seed)
    rng = np.random.default_rng(seed)
    rows = room.features.vectors.astype(np.float64)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    for level in room.pooled():
        for region, vector in zip(level.regions, level.vectors, strict=True):
            mine = rows[room.members(level, region.ordinal)[room.features.point_index]]
            apart = mine - vector.astype(np.float64)
            worst = apart / np.linalg.norm(apart, axis=1, keepdims=True)  # the queries for which the bound is tight
            queries = np.concatenate([worst, mine, rng.standard_normal((50, SPACE.dim))])
            queries = (queries / np.linalg.norm(queries, axis=1, keepdims=True)).astype(np.float32)
            bound = queries @ vector.astype(np.float32) + np.float32(region.radius)
            assert ((queries.astype(np.float64) @ mine.T).max(axis=1) <= bound).all()
            assert region.radius <= np.linalg.norm(apart, axis=1).max() + 1e-4


def test_the_order_of_points_changes_nothing() -> None:
    room = Room()
    before = room.pooled()
    rows = np.random.default_rng(1).permutation(600)
    inverse = np.argsort(rows).astype(np.int32)
    order = np.argsort(inverse[room.features.point_index])
    index = inverse[room.features.point_index][order]
    room.points, room.superpoint = room.points.take(rows), room.superpoint[rows]
    room.features = PointFeatures(SPACE, index, room.features.vectors[order], room.features.view_count)
    [seen] = room.seen
    room.seen = [Correspondence(0, index, seen.uv[order], seen.depth)]
    for one, other in zip(before, room.pooled(), strict=True):
        np.testing.assert_allclose(other.vectors, one.vectors, atol=5e-4)
        for a, b in zip(one.regions, other.regions, strict=True):
            assert (a.ordinal, a.point_count, a.seen_count, a.label) == (
                b.ordinal,
                b.point_count,
                b.seen_count,
                b.label,
            )
            assert a.views == b.views
            np.testing.assert_allclose(b.box_min, a.box_min)
            np.testing.assert_allclose(b.oriented_box.size, a.oriented_box.size, atol=1e-9)


def test_labels_are_what_most_points_say() -> None:
    below, _ = Room().pooled()
    names = {0: None, 1: "one", 2: "two", 3: "three", 4: None}
    assert [region.label for region in below.regions] == [names[region.ordinal % 5] for region in below.regions]


def test_a_scene_without_labels_has_none() -> None:
    room = Room()
    room.points = replace(room.points, labels=None)
    assert all(region.label is None for level in room.pooled() for region in level.regions)


def test_a_scene_is_its_mean_and_its_prototypes() -> None:
    room = Room()
    regions = room.pooled()
    scene = pool_scene(room.features, regions, PoolOptions(prototypes=3))
    rows = room.features.vectors.astype(np.float64)
    mean = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).mean(axis=0)
    np.testing.assert_allclose(scene.mean, mean / np.linalg.norm(mean), atol=5e-4)
    assert scene.prototypes.shape == (3, SPACE.dim)
    np.testing.assert_allclose(np.linalg.norm(scene.prototypes.astype(np.float64), axis=1), 1, atol=2e-3)
    assert scene.prototype_weight.sum() == pytest.approx(1)
    assert (np.diff(scene.prototype_weight) <= 0).all()


def test_a_rare_thing_has_a_prototype() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((500, 32)).astype(np.float32) * 0.1 + rng.standard_normal(32).astype(np.float32)
    vectors[123] = -vectors[0]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    weight = np.full(500, 1000.0)
    weight[123] = 30
    centres, mass = prototypes(vectors, weight, 4)
    assert (centres @ vectors[123]).max() > 0.999
    assert mass.sum() == weight.sum()


def test_a_scene_of_one_thing_has_one_prototype() -> None:
    vectors = np.tile(np.eye(1, 32, dtype=np.float32), (9, 1))
    centres, mass = prototypes(vectors, np.ones(9), 8)
    assert len(centres) == 1
    assert mass.tolist() == [9]


def test_a_scene_nobody_saw_is_refused() -> None:
    nothing = PointFeatures(SPACE, np.empty(0, np.int32), np.empty((0, 32), np.float16), np.empty(0, np.int32))
    room = Room()
    room.features, room.seen = nothing, []
    regions = room.pooled()
    assert [len(level.regions) for level in regions] == [0, 0]
    with pytest.raises(BadScene, match="No frame sees a point"):
        pool_scene(nothing, regions)


def test_options_that_mean_nothing_are_refused() -> None:
    with pytest.raises(BadInput, match="prototypes"):
        PoolOptions(prototypes=0)


@pytest.mark.skipif(not COMPILED, reason="numba is not installed")
def test_the_plain_twins_sum_and_spread_alike() -> None:
    rng = np.random.default_rng(0)
    vectors = directions(rng, 500)
    vectors[:3] = np.array([[0], [6e-8], [-2.0]])  # nothing, subnormal, longer than one
    region = rng.integers(0, 9, 500).astype(np.int32)
    sums, seen = sum_directions(vectors, region, 10)
    np.testing.assert_allclose(sums, sum_directions_plain(vectors, region, 10), atol=1e-5)
    assert seen.tolist() == np.bincount(region, minlength=10).tolist()
    centres = directions(rng, 10)
    np.testing.assert_allclose(farthest(vectors, region, centres), farthest_plain(vectors, region, centres), atol=1e-6)
