"""Several passes over a scene: sums of scores, retold a point at a time; the choice of an ensemble; placements."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from ovstore.evaluation.points.decide import ClassTexts, decide, ensemble
from ovstore.evaluation.points.voting import Pass, VoxelVectors, vote
from ovstore.models.placements import random_placements

POINTS, TEXTS, DIM = 300, 6, 12
CLASSES = np.array([0, 1, 1, 2, 4, 4])  # classes 1 and 4 have two texts, class 3 none


def words(seed: int = 0) -> ClassTexts:
    rows = np.random.default_rng(seed).normal(size=(TEXTS, DIM)).astype(np.float16)
    return ClassTexts(rows.astype(np.float32), CLASSES, half=True)


def voxels(rng: np.random.Generator, count: int, missing: float) -> VoxelVectors:
    vectors = (rng.normal(size=(count, DIM)) * rng.uniform(0.3, 5, (count, 1))).astype(np.float16)
    present = rng.random(count) >= missing
    vectors[~present] = 0
    return VoxelVectors(vectors, present)


def some_passes(seed: int, missing: Sequence[float], count: int = 4) -> list[Pass]:
    """As many sources as there are shares of `missing` vectors."""
    rng = np.random.default_rng(seed)
    return [Pass(rng.integers(0, 90, POINTS), tuple(voxels(rng, 90, share) for share in missing)) for _ in range(count)]


def retold(passes: Sequence[Pass], texts: ClassTexts) -> list[int]:
    """A point at a time, with the words of OpenScene's run/evaluate.py."""
    asked = texts.vectors.astype(np.float16)
    found = []
    for point in range(POINTS):
        total = np.zeros(TEXTS, np.float16)
        for one in passes:
            vectors = [source.vectors[one.voxel_of_point[point]] for source in one.sources]
            if len(vectors) == 2:
                first, second = (best_of_unit(vector, asked) for vector in vectors)
                vectors = [vectors[0] if second < first else vectors[1]]
            total = (total + products(vectors[0], asked)).astype(np.float16)
        seen = any(source.present[passes[-1].voxel_of_point[point]] for source in passes[-1].sources)
        found.append(int(CLASSES[total.argmax()]) if seen else -1)
    return found


def products(vector: NDArray[np.float16], asked: NDArray[np.float16]) -> NDArray[np.float16]:
    return (asked.astype(np.float32) @ vector.astype(np.float32)).astype(np.float16)


def best_of_unit(vector: NDArray[np.float16], asked: NDArray[np.float16]) -> np.float16:
    wide = vector.astype(np.float32)
    best: np.float16 = products((wide / (np.linalg.norm(wide) + 1e-5)).astype(np.float16), asked).max()
    return best


@pytest.mark.parametrize("missing", [(0.4,), (0,), (0.4, 0)], ids=["fusion", "distill", "ensemble"])
def test_the_best_sum_of_all_passes_decides(missing: Sequence[float]) -> None:
    passes = some_passes(1, missing)
    found = vote(passes, POINTS, words())
    assert found.tolist() == retold(passes, words())
    assert set(found.tolist()) >= {0, 1, 2, 4} and (found < 0).any() == (missing == (0.4,))


@pytest.mark.parametrize("missing", [(0.4,), (0.4, 0)], ids=["fusion", "ensemble"])
def test_one_pass_in_which_each_point_is_a_voxel_is_a_decision(missing: Sequence[float]) -> None:
    rng = np.random.default_rng(2)
    sources = tuple(voxels(rng, POINTS, share) for share in missing)
    decisions = [
        decide([(rows := np.flatnonzero(source.present).astype(np.int32), source.vectors[rows])], POINTS, words())
        for source in sources
    ]
    expected = decisions[0] if len(decisions) == 1 else ensemble(decisions[0], decisions[1], half=True)[0]
    np.testing.assert_array_equal(vote([Pass(np.arange(POINTS), sources)], POINTS, words()), expected.index)


def test_the_texts_of_a_class_are_summed_by_themselves() -> None:
    """Two passes that favour different texts of class 1 do not add up to it."""
    texts = ClassTexts(np.eye(3, dtype=np.float32), np.array([0, 1, 1]), half=True)
    looks = [[0.6, 1, 0], [0.6, 0, 1]]
    passes = [
        Pass(np.array([0]), (VoxelVectors(np.array([vector], np.float16), np.array([True])),)) for vector in looks
    ]
    assert vote(passes, 1, texts).tolist() == [0]
    assert vote(passes[:1], 1, texts).tolist() == [1]


def test_a_pass_that_is_sure_outvotes_those_that_are_not_and_ties_go_to_the_first() -> None:
    texts = ClassTexts(np.eye(2, dtype=np.float32), np.arange(2), half=True)

    def look(vector: list[float]) -> Pass:
        return Pass(np.array([0]), (VoxelVectors(np.array([vector], np.float16), np.array([True])),))

    assert vote([look([0.5, 0.4]), look([0.5, 0.4]), look([0, 0.9])], 1, texts).tolist() == [1]
    assert vote([look([0.5, 0.4]), look([0.4, 0.5])], 1, texts).tolist() == [0]


def test_placements_are_random_and_always_the_same() -> None:
    def scales(passes: int, seed: int, scene: str) -> list[float]:
        return [placement.scale for placement in random_placements(0.02, passes, seed, scene)]

    five = scales(5, 1463, "scene0011_00")
    assert five == scales(5, 1463, "scene0011_00") and five[:2] == scales(2, 1463, "scene0011_00")
    assert len(set(five)) == 5 and all(45 <= scale <= 55 for scale in five)
    assert not set(five) & {*scales(5, 1463, "scene0011_01"), *scales(5, 3407, "scene0011_00")}
