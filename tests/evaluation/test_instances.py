"""Average precision of instances: answers worked out by hand, laws, and a slow referee."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray
from ovstore.evaluation.instances.average_precision import (
    LOW_THRESHOLD,
    THRESHOLDS,
    AveragePrecision,
    area,
    average_precision,
    found,
)
from ovstore.evaluation.instances.instances import (
    Claims,
    Overlap,
    instances_of,
    overlap_of_masks,
    overlap_of_regions,
    shared_points,
)
from ovstore.evaluation.labels import label_files

ALL = np.ones(3, bool)


@dataclass(frozen=True)
class Case:
    """A scan and masks, as plain as can be; class 2 is stuff."""

    classes: NDArray[np.int32]  # (N,) -1 none
    objects: NDArray[np.int32]  # (N,) -1 none
    masks: NDArray[np.bool_]  # (P, N)
    index: NDArray[np.int32]  # (P,) claimed classes
    confidence: NDArray[np.float64]  # (P,)

    @property
    def overlap(self) -> Overlap:
        instances = instances_of(self.classes, self.objects, np.array([True, True, False]))
        return overlap_of_masks(instances, self.masks, Claims(self.index, self.confidence))


def case(instances: Sequence[tuple[int, int]], masks: Sequence[tuple[int, float, range]], void: int = 0) -> Case:
    """Instances (class, points) one after the other, then void points; masks are (class, confidence, points)."""
    sizes = [size for _, size in instances]
    classes = np.repeat([c for c, _ in instances] + [-1], [*sizes, void])
    objects = np.repeat([*range(len(sizes)), -1], [*sizes, void])
    inside = np.zeros((len(masks), len(classes)), bool)
    for row, (_, _, points) in enumerate(masks):
        inside[row, points.start : points.stop] = True
    return Case(
        classes.astype(np.int32), objects.astype(np.int32), inside,
        np.array([c for c, _, _ in masks], np.int32), np.array([sure for _, sure, _ in masks], np.float64),
    )  # fmt: skip


def judge(*cases: Case, min_points: int = 100) -> AveragePrecision:
    return average_precision([each.overlap for each in cases], 3, min_points)


def figures(*cases: Case, min_points: int = 100) -> tuple[float, float, float]:
    """AP, AP50 and AP25 of class 0."""
    return figures_of(judge(*cases, min_points=min_points), 0)


def figures_of(precision: AveragePrecision, c: int) -> tuple[float, float, float]:
    return precision.ap[c], precision.ap50[c], precision.ap25[c]


def test_masks_that_are_the_instances_have_precision_one() -> None:
    told = judge(case([(0, 200), (0, 150), (1, 120)], [(0, 0.3, range(200)), (0, 0.9, range(200, 350)),
                                                       (1, 0.1, range(350, 470))]))  # fmt: skip
    np.testing.assert_array_equal([told.ap, told.ap50, told.ap25], [[1, 1, np.nan]] * 3)
    assert (told.instances.tolist(), told.masks.tolist()) == ([2, 1, 0], [2, 1, 0])


def test_half_an_object_does_not_overlap_by_more_than_half() -> None:
    assert figures(case([(0, 400)], [(0, 1, range(200))])) == (0, 0, 1)
    assert figures(case([(0, 400)], [(0, 1, range(201))])) == (pytest.approx(1 / 9), 1, 1)


def test_an_object_in_two_is_one_hit_and_one_false_positive() -> None:
    large, small = range(240), range(240, 400)  # overlaps 0.6 and 0.4
    assert figures(case([(0, 400)], [(0, 0.9, large), (0, 0.5, small)])) == (pytest.approx(2 / 9), 1, 1)
    # the false positive first: precision 0 at recall 0, then 1/2 at recall 1
    assert figures(case([(0, 400)], [(0, 0.5, large), (0, 0.9, small)]))[1] == 0.25
    assert figures(case([(0, 400)], [(0, 0.5, large), (0, 0.9, small)]))[2] == 1  # now the surer one hits


def test_two_objects_in_one_are_one_hit_and_one_miss() -> None:
    merged = case([(0, 300), (0, 200)], [(0, 1, range(500))])  # overlaps 0.6 and 0.4
    assert figures(merged) == (pytest.approx(2 * 0.5 / 9), 0.5, 0.5)
    assert found([merged.overlap], 0.25, 100) == 1


def test_a_mask_between_two_objects_takes_the_one_it_overlaps_most() -> None:
    both, rest = range(150, 500), range(150)  # both: 0.3 of the first, 0.57 of the second; rest: half of the first
    assert figures(case([(0, 300), (0, 200)], [(0, 0.9, both), (0, 0.5, rest)]))[2] == 1


def test_a_duplicate_is_a_false_positive() -> None:
    assert figures(case([(0, 200)], [(0, 0.9, range(200)), (0, 0.1, range(200))])) == (1, 1, 1)
    # equally sure ones enter together: precision 1 at recall 0, 1/2 at recall 1
    assert figures(case([(0, 200)], [(0, 0.9, range(200)), (0, 0.9, range(200))])) == (0.75, 0.75, 0.75)


def test_masks_in_the_void_are_ignored_up_to_the_share_of_the_threshold() -> None:
    # the surest mask: 130 of 200 points (0.65) are void, the others lie in an instance of another class
    told = case([(0, 200), (1, 200)], [(0, 0.5, range(200)), (0, 0.9, range(330, 530))], void=200)
    wrong_first = 0.25  # precision 0, then 1/2
    assert figures(told) == (pytest.approx((3 + 6 * wrong_first) / 9), 1, 1)
    # points of stuff are void, those of an instance of another class are not
    stuff = replace(told, classes=np.where(told.classes == 1, 2, told.classes))
    assert figures(stuff) == (1, 1, 1)


def test_points_of_a_class_without_an_object_are_void() -> None:
    told = case([(0, 200), (0, 200)], [(0, 0.5, range(200)), (0, 0.9, range(200, 400))])
    told = replace(told, objects=np.where(told.objects == 1, -1, told.objects))
    assert (figures(told), judge(told).instances[0]) == ((1, 1, 1), 1)


def test_tiny_instances_and_masks_are_left_out() -> None:
    told = case([(0, 200), (0, 99)], [(0, 0.1, range(200)), (0, 0.9, range(199, 299)), (0, 0.8, range(99))])
    precision = judge(told)
    # the mask on the tiny instance is no false positive, that of 99 points is none at all
    assert (precision.ap[0], precision.instances[0], precision.masks[0]) == (1, 1, 2)
    told = case([(0, 200), (0, 90)], [(0, 0.1, range(200)), (0, 0.9, range(140, 290))])
    # 90 of 150 points (0.6) lie in the left out instance, which it overlaps by 0.6: ignored below
    assert figures(told) == (pytest.approx((2 + 7 * 0.25) / 9), 1, 1)
    assert judge(told, min_points=50).instances[0] == 2


def test_a_class_without_instances_is_nan_and_not_in_the_means() -> None:
    told = judge(case([(0, 200)], [(0, 1, range(200)), (1, 1, range(200))]))
    assert math.isnan(told.ap[1]) and told.masks[1] == 1
    assert told.means(ALL) == (1, 1, 1)
    assert all(math.isnan(value) for value in told.means(np.array([False, True, True])))


def test_a_class_without_masks_is_zero() -> None:
    assert judge(case([(0, 200), (1, 200)], [(0, 1, range(200))])).means(ALL) == (0.5, 0.5, 0.5)
    assert figures(case([(0, 200)], [])) == (0, 0, 0)
    assert figures(case([(0, 200)], [(-1, 1, range(200))])) == (0, 0, 0)


def test_without_classes_masks_need_only_fit() -> None:
    told = case([(0, 200), (1, 200)], [(1, 0.9, range(200)), (-1, 0.5, range(200, 400))]).overlap
    precision = average_precision([told.as_one_class()], 1, 100)
    assert (precision.ap[0], precision.instances[0], precision.masks[0]) == (1, 2, 2)


def test_an_object_of_two_classes_is_two_instances() -> None:
    classes, objects = np.array([0, 0, 1, 2, -1], np.int32), np.array([7, 7, 7, 7, 7], np.int32)
    found_instances = instances_of(classes, objects, np.array([True, True, False]))
    assert found_instances.of_point.tolist() == [0, 0, 1, -1, -1]
    assert found_instances.index.tolist() == [0, 1]


def test_the_area_is_that_of_trapezoids_from_precision_one() -> None:
    right = np.array([True, False, True])
    # recall 1/3 at precision 1, then 1/2, recall 2/3 at precision 2/3
    assert area(np.array([0.9, 0.8, 0.7]), right, 3) == pytest.approx(1 / 3 + (1 / 2 + 2 / 3) / 2 / 3)
    assert area(np.array([0.7, 0.7, 0.7]), right, 3) == pytest.approx((1 + 2 / 3) / 2 * 2 / 3)
    assert area(np.empty(0), np.empty(0, bool), 3) == 0 and math.isnan(area(np.ones(3), right, 0))


def random_case(rng: np.random.Generator) -> Case:
    """Up to 40 points; masks are of other instances' points as well, and may share points."""
    count, masks = int(rng.integers(1, 40)), int(rng.integers(0, 9))
    objects = np.sort(rng.integers(-1, 5, count)).astype(np.int32)
    of_object = rng.integers(-1, 3, 6).astype(np.int32)
    classes = np.where(rng.random(count) < 0.1, rng.integers(-1, 3, count), of_object[objects]).astype(np.int32)
    near = objects == rng.integers(-1, 5, (masks, 1))
    inside = np.where(near, rng.random((masks, count)) < 0.85, rng.random((masks, count)) < 0.1)
    return Case(classes, objects, inside, rng.integers(-1, 3, masks).astype(np.int32), rng.integers(0, 4, masks) / 4)


@pytest.mark.parametrize("seed", range(40))
def test_the_slow_referee_agrees(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cases = [random_case(rng) for _ in range(rng.integers(1, 5))]
    min_points = int(rng.integers(1, 6))
    told = judge(*cases, min_points=min_points)
    for c in range(2):
        slow = [slow_precision(cases, c, threshold, min_points) for threshold in (*THRESHOLDS, LOW_THRESHOLD)]
        assert figures_of(told, c) == pytest.approx((np.mean(slow[:-1]), slow[0], slow[-1]), abs=1e-9, nan_ok=True)
    together = average_precision([each.overlap.as_one_class() for each in cases], 1, min_points)
    slow = [slow_precision(cases, None, threshold, min_points) for threshold in (0.5, LOW_THRESHOLD)]
    np.testing.assert_allclose([together.ap50[0], together.ap25[0]], slow, atol=1e-9)


def slow_precision(cases: Sequence[Case], c: int | None, threshold: float, min_points: int) -> float:
    """The definition in loops over sets of points; c is None for all classes as one."""
    ranked: list[tuple[float, bool]] = []
    total = 0
    for each in cases:
        truths: dict[tuple[int, int], set[int]] = {}
        for point, key in enumerate(zip(each.classes.tolist(), each.objects.tolist(), strict=True)):
            if key[0] in (0, 1) and key[1] >= 0:
                truths.setdefault(key, set()).add(point)
        of_thing = set().union(*truths.values())
        own = [points for key, points in truths.items() if c in (None, key[0])]
        masks = [
            (sure, set(np.flatnonzero(inside).tolist()))
            for inside, claimed, sure in zip(each.masks, each.index.tolist(), each.confidence.tolist(), strict=True)
            if c in (None, claimed) and inside.sum() >= min_points
        ]
        total += sum(len(points) >= min_points for points in own)
        ranked += slow_ranks(own, of_thing, masks, threshold, min_points)
    if not total:
        return float("nan")
    value, recall, precision = 0.0, 0.0, 1.0
    for sure in sorted({sure for sure, _ in ranked}, reverse=True):
        entered = [right for known, right in ranked if known >= sure]
        now = sum(entered) / total, sum(entered) / len(entered)
        value += (now[0] - recall) * (now[1] + precision) / 2
        recall, precision = now
    return value


def slow_ranks(
    truths: Sequence[set[int]],
    of_thing: set[int],
    masks: Sequence[tuple[float, set[int]]],
    threshold: float,
    min_points: int,
) -> list[tuple[float, bool]]:
    """The masks of a scene that count, each with its confidence and whether it hits."""

    def close(points: set[int], truth: set[int]) -> float:
        return len(points & truth) / len(points | truth)

    hits = set()
    if threshold >= 0.5:  # the script's way: each instance picks, as no mask is close to two
        for truth in truths:
            near = [(masks[m][0], m) for m in range(len(masks)) if close(masks[m][1], truth) > threshold]
            if near and len(truth) >= min_points:
                hits.add(max(near)[1])
    else:
        pairs = [
            (-sure, -close(points, truth), m, t)
            for m, (sure, points) in enumerate(masks) for t, truth in enumerate(truths)
            if close(points, truth) > threshold and len(truth) >= min_points
        ]  # fmt: skip
        taken = set()
        for _, _, m, t in sorted(pairs):
            if m not in hits and t not in taken:
                hits.add(m)
                taken.add(t)
    ranks = []
    for m, (sure, points) in enumerate(masks):
        reached = [truth for truth in truths if close(points, truth) > threshold]
        if m in hits:
            ranks.append((sure, True))
        elif any(len(truth) >= min_points for truth in reached):
            ranks.append((sure, False))
        elif not reached:
            ignored = len(points - of_thing) + sum(len(points & truth) for truth in truths if len(truth) < min_points)
            if ignored / len(points) <= threshold:
                ranks.append((sure, False))
    return ranks


@pytest.fixture
def scenes() -> list[Case]:
    """Three scenes of 3,000 points, where no two overlaps are the same by chance."""
    rng = np.random.default_rng(7)
    made = []
    for _ in range(3):
        objects = np.repeat(np.arange(20, dtype=np.int32), 150)
        classes = (rng.integers(0, 3, 20).astype(np.int32))[objects]
        masks = np.array([np.abs(np.arange(3000) - rng.integers(0, 3000)) < rng.integers(40, 150) for _ in range(60)])
        made.append(Case(classes, objects, masks, rng.integers(0, 3, 60).astype(np.int32), rng.random(60)))
    return made


def same(first: AveragePrecision, second: AveragePrecision) -> None:
    for name in ("ap", "ap50", "ap25", "instances", "masks"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_renaming_instances_changes_nothing(scenes: list[Case]) -> None:
    rng = np.random.default_rng(1)
    names = rng.permutation(1000)[:20].astype(np.int32)
    same(judge(*scenes), judge(*(replace(each, objects=names[each.objects]) for each in scenes)))


def test_the_order_of_scenes_and_masks_changes_nothing(scenes: list[Case]) -> None:
    shuffled = [
        replace(each, masks=each.masks[::-1], index=each.index[::-1], confidence=each.confidence[::-1])
        for each in scenes[::-1]
    ]
    same(judge(*scenes), judge(*shuffled))


def test_only_the_order_of_confidences_counts(scenes: list[Case]) -> None:
    same(judge(*scenes), judge(*(replace(each, confidence=np.exp(9 * each.confidence)) for each in scenes)))


def test_an_unsure_false_positive_never_raises_precision(scenes: list[Case]) -> None:
    before = judge(*scenes)
    first = scenes[0]
    for start in range(0, 2800, 150):
        nonsense = (np.arange(3000) >= start) & (np.arange(3000) < start + 151) & (np.arange(3000) % 5 > 0)
        more = replace(
            first, masks=np.vstack([first.masks, nonsense & (first.classes != 0)]),
            index=np.append(first.index, np.int32(0)), confidence=np.append(first.confidence, -1.0),
        )  # fmt: skip
        after = judge(more, *scenes[1:])
        assert (after.ap[:2] <= before.ap[:2]).all() and (after.ap25[:2] <= before.ap25[:2]).all()


def test_regions_are_masks_that_share_no_points(scenes: list[Case]) -> None:
    rng = np.random.default_rng(3)
    for each in scenes:
        of_point = rng.integers(-1, 30, 3000) // 4 * 4  # some of the 30 rows have no point
        masks = of_point == np.arange(30)[:, None]
        claims = Claims(rng.integers(0, 3, 30).astype(np.int32), rng.random(30))
        instances = instances_of(each.classes, each.objects, np.array([True, True, False]))
        fast, plain = overlap_of_regions(instances, of_point, claims), overlap_of_masks(instances, masks, claims)
        for name in ("truth_size", "mask_size", "mask", "truth", "shared"):
            np.testing.assert_array_equal(getattr(fast, name), getattr(plain, name))


def test_parts_that_share_points_are_pairs() -> None:
    first, second = np.array([0, 0, 0, 2, 2, -1]), np.array([1, 1, -1, 1, 0, 0])
    pairs = zip(*(values.tolist() for values in shared_points(first, second)), strict=True)
    assert list(pairs) == [(0, 1, 2), (2, 0, 1), (2, 1, 1)]
    assert [len(values) for values in shared_points(first, np.full(6, -1))] == [0, 0, 0]


def test_label_sets_say_what_comes_in_instances() -> None:
    counts = {name: int(label_files.load(name).things.sum()) for name in ("scannet20", "scannet200", "nuscenes16")}
    assert counts == {"scannet20": 18, "scannet200": 198, "nuscenes16": 10}  # as their benchmarks
    assert label_files.load("matterport21").stuff == ("wall", "floor", "ceiling")
    assert "sky" in label_files.load("ade20k").stuff and "wall" in label_files.load("ade20k").stuff
    assert int(label_files.load("semantickitti19").things.sum()) == 8
