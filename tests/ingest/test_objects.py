"""Objects are neighbouring superpoints that look alike to the encoder, whatever it calls alike."""

import numpy as np
import pytest
from numpy.typing import NDArray
from ovstore.core.errors import BadInput
from ovstore.core.features import EmbeddingSpace, PointFeatures
from ovstore.core.scene import PointCloud
from ovstore.ingest.regions.objects import ObjectOptions, objects

SPACE = EmbeddingSpace("test", 64, "")


class Strip:
    """A floor of 1 x 4 metres in sixteen superpoints: rug in the first half, wood in the second, a duck on the wood."""

    def __init__(self, seed: int = 0, common: float = 2.0, carried: float = 0.0) -> None:
        """`common`: what all vectors share; `carried`: the share of the wood in the duck's vectors."""
        rng = np.random.default_rng(seed)
        ground = rng.random((4000, 2)) * (1, 4)
        duck = rng.random((150, 3)) * 0.12 + (0.4, 2.95, 0.01)
        xyz = np.concatenate([np.column_stack([ground, np.zeros(4000)]), duck])
        square = (ground[:, 0] > 0.5) + 2 * (ground[:, 1] / 0.5).astype(int)
        self.superpoint = np.concatenate([square, np.full(150, 16)]).astype(np.int32)
        self.thing = np.where(self.superpoint == 16, 2, (self.superpoint >= 8).astype(int))
        kinds = rng.standard_normal((3, SPACE.dim)) / np.sqrt(SPACE.dim)
        kinds[2] = carried * kinds[1] + (1 - carried) * kinds[2]
        shared = rng.standard_normal(SPACE.dim) / np.sqrt(SPACE.dim)
        noise = rng.standard_normal((17, SPACE.dim))[self.superpoint] + rng.standard_normal((4150, SPACE.dim))
        rows = kinds[self.thing] + common * shared + 0.02 * noise
        self.vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)
        paint = np.array([(150, 110, 80), (150, 110, 80), (240, 220, 40)], np.uint8)
        self.points = PointCloud(xyz, rgb=paint[self.thing])
        self.seen = np.ones(4150, bool)

    def features(self) -> PointFeatures:
        index = np.flatnonzero(self.seen).astype(np.int32)
        return PointFeatures(SPACE, index, self.vectors[index], np.ones(len(index), np.int32))

    def objects(self, options: ObjectOptions | None = None) -> NDArray[np.int32]:
        """(N,) the object of each point."""
        return objects(self.superpoint, self.points, self.features(), options)[self.superpoint]


def same_parts(one: NDArray[np.integer], other: NDArray[np.integer]) -> bool:
    pairs = len(np.unique(np.stack([one, other]), axis=1).T)
    return pairs == len(np.unique(one)) == len(np.unique(other))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("common", [0.0, 2.0, 5.0])
def test_things_are_found_whatever_all_vectors_share(seed: int, common: float) -> None:
    strip = Strip(seed, common)
    assert same_parts(strip.objects(), strip.thing)


def test_a_small_thing_survives_with_vectors_that_carry_what_is_around_it() -> None:
    strip = Strip(carried=0.65)
    assert same_parts(strip.objects(), strip.thing)
    blended = strip.objects(ObjectOptions(color_weight=0))
    assert not same_parts(blended, strip.thing)


def test_a_thing_of_two_colours_stays_whole_where_vectors_agree() -> None:
    strip = Strip()
    rgb = np.where((strip.superpoint % 2 == 0)[:, None], (20, 20, 20), (230, 230, 230)).astype(np.uint8)
    strip.points = PointCloud(strip.points.xyz, rgb=rgb)
    assert same_parts(strip.objects(), strip.thing)


def test_like_things_that_do_not_touch_are_two_objects() -> None:
    strip = Strip()
    apart = strip.points.xyz + np.where(strip.superpoint >= 12, 3.0, 0.0)[:, None]
    strip.points = PointCloud(apart, rgb=strip.points.rgb)
    found = strip.objects()
    first, second = (np.unique(found[(strip.superpoint // 4) == quarter]) for quarter in (2, 3))
    assert len(first) == len(second) == 1
    assert first != second


def test_the_numbering_of_superpoints_changes_only_the_numbering_of_objects() -> None:
    strip = Strip()
    before = strip.objects()
    strip.superpoint = np.random.default_rng(1).permutation(17).astype(np.int32)[strip.superpoint]
    assert same_parts(strip.objects(), before)


def test_objects_are_numbered_by_their_first_superpoints() -> None:
    strip = Strip()
    found = objects(strip.superpoint, strip.points, strip.features())
    _, first = np.unique(found, return_index=True)
    assert found.dtype == np.int32
    assert len(found) == 17
    assert (np.unique(found) == np.arange(found.max() + 1)).all()
    assert (np.diff(first) > 0).all()


def test_an_unseen_superpoint_is_an_object_of_its_own() -> None:
    strip = Strip()
    strip.seen = strip.superpoint != 5
    found = strip.objects()
    assert len(np.unique(found[strip.superpoint == 5])) == 1
    assert not set(found[strip.superpoint == 5]) & set(found[strip.superpoint != 5])


def test_a_small_unseen_superpoint_joins_what_it_touches_most() -> None:
    strip = Strip()
    strip.seen = strip.superpoint != 5
    found = strip.objects(ObjectOptions(absorb_points=10_000))
    assert same_parts(found, strip.thing)


def test_more_doubt_means_fewer_objects() -> None:
    strip = Strip()
    counts = [strip.objects(ObjectOptions(doubt=doubt)).max() + 1 for doubt in (-10.0, 0.05, 0.35, 100.0)]
    assert counts == sorted(counts, reverse=True)
    assert (counts[0], counts[-1]) == (17, 1)


def test_a_scene_nobody_saw_keeps_its_superpoints() -> None:
    strip = Strip()
    strip.seen[:] = False
    assert strip.objects().max() == 16


def test_one_superpoint_is_one_object() -> None:
    strip = Strip()
    strip.superpoint[:] = 0
    assert strip.objects().max() == 0


def test_a_cloud_without_colours_is_split_by_its_vectors() -> None:
    strip = Strip()
    strip.points = PointCloud(strip.points.xyz)
    assert same_parts(strip.objects(), strip.thing)


@pytest.mark.parametrize(
    "wrong", [{"doubt": float("nan")}, {"same": 2.0}, {"usual": -1.0}, {"color_weight": -1.0}, {"max_gap": 0.0}]
)
def test_options_that_mean_nothing_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(BadInput, match=next(iter(wrong))):
        ObjectOptions(**wrong)


def test_masks_keep_two_things_apart_that_look_alike_and_join_what_does_not() -> None:
    strip = Strip()
    apart = np.full(17, -1, np.int32)
    apart[8:12], apart[12:16] = 0, 1  # the wood in two
    found = objects(strip.superpoint, strip.points, strip.features(), None, apart)
    assert [len(set(found[part].tolist())) for part in (slice(0, 8), slice(8, 12), slice(12, 16))] == [1, 1, 1]
    assert found[8] != found[12]
    joined = np.full(17, -1, np.int32)
    joined[[0, 8, 16]] = 0  # rug, wood and duck
    found = objects(strip.superpoint, strip.points, strip.features(), None, joined, "masks")
    assert len(set(found[[0, 8, 16]].tolist())) == 1
    assert len(set(found.tolist())) == 15  # nothing else is merged
    same = objects(strip.superpoint, strip.points, strip.features(), None, apart, "features")
    assert (same == objects(strip.superpoint, strip.points, strip.features())).all()
