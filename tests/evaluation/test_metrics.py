"""IoU, accuracy and their means: the original's arithmetic, its conventions, and which class a vector is given."""

import math
import warnings

import numpy as np
import pytest
from numpy.typing import NDArray
from ovstore.evaluation.points.decide import ClassTexts, Decision, decide, ensemble, fill_from_nearest
from ovstore.evaluation.points.metrics import Over, Unpredicted, confusion, score
from ovstore.evaluation.wording import percent
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, jaccard_score


def retold(
    truth: NDArray[np.integer], predicted: NDArray[np.integer], classes: int, unpredicted: Unpredicted, over: Over
) -> dict[str, float]:
    """The figures by sets of points, a class at a time, as OpenScene's evaluation goes about it."""
    ious, accuracies, weights = [], [], []
    for c in range(classes):
        if not (truth == c).any():
            continue
        valid = truth >= 0 if unpredicted == "wrong" else (truth >= 0) & (predicted >= 0)
        here, there = set(np.flatnonzero(valid & (truth == c))), set(np.flatnonzero(valid & (predicted == c)))
        ious.append(len(here & there) / len(here | there) if here | there else 0.0)
        accuracies.append(len(here & there) / (truth == c).sum())
        weights.append((truth == c).sum())
    divisor = classes if over == "all" else len(ious)
    return {
        "mIoU": sum(ious) / divisor,
        "mAcc": sum(accuracies) / divisor,
        "fwIoU": sum(w * iou for w, iou in zip(weights, ious, strict=True)) / sum(weights),
        "points": ((truth >= 0) & (truth == predicted)).sum() / (truth >= 0).sum(),
    }


@pytest.mark.parametrize("unpredicted", ["wrong", "drop"])
@pytest.mark.parametrize("over", ["present", "all"])
@pytest.mark.parametrize("seed", range(5))
def test_figures_are_those_of_an_independent_computation(unpredicted: Unpredicted, over: Over, seed: int) -> None:
    rng = np.random.default_rng(seed)
    classes = int(rng.integers(1, 30))
    truth = rng.integers(-1, classes, 2000)
    truth[truth == rng.integers(0, classes + 1)] = -1  # a class may be absent
    predicted = np.where(rng.random(2000) < 0.5, truth, rng.integers(-1, classes, 2000))
    if not (truth >= 0).any():
        truth[0] = 0
    scores = score(confusion(truth, predicted, classes), unpredicted)
    expected = retold(truth, predicted, classes, unpredicted, over)
    assert scores.mean_iou(over) == pytest.approx(expected["mIoU"], abs=1e-12)
    assert scores.mean_accuracy(over) == pytest.approx(expected["mAcc"], abs=1e-12)
    assert scores.frequency_weighted_iou == pytest.approx(expected["fwIoU"], abs=1e-12)
    assert scores.point_accuracy == pytest.approx(expected["points"], abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_figures_are_those_of_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    classes = list(range(20))
    truth, predicted = rng.integers(0, 18, 5000), rng.integers(-1, 19, 5000)  # 18 and 19 do not occur
    counts = confusion(truth, predicted, 20)
    unnamed = np.where(predicted < 0, 20, predicted)
    np.testing.assert_array_equal(counts, confusion_matrix(truth, unnamed, labels=[*classes, 20])[:20])
    covered = predicted >= 0
    for unpredicted, counted in (("wrong", np.ones(5000, bool)), ("drop", covered)):
        scores = score(counts, unpredicted)
        iou = jaccard_score(truth[counted], unnamed[counted], labels=classes, average=None, zero_division=0)
        np.testing.assert_allclose(scores.iou[:18], iou[:18], atol=1e-6)
        assert scores.mean_iou("present") == pytest.approx(iou[:18].mean(), abs=1e-6)
        assert scores.mean_iou("all") == pytest.approx(iou[:18].sum() / 20, abs=1e-6)
        weighted = np.average(iou, weights=np.bincount(truth, minlength=20))
        assert scores.frequency_weighted_iou == pytest.approx(weighted, abs=1e-6)
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # "none" is no class in truth
            balanced = balanced_accuracy_score(truth, unnamed)
        assert scores.mean_accuracy("present") == pytest.approx(balanced, abs=1e-6)
        assert scores.point_accuracy == pytest.approx(accuracy_score(truth, predicted), abs=1e-6)


def test_points_without_a_prediction_are_dropped_from_the_iou_or_wrong() -> None:
    counts = confusion(np.array([0, 0, 0, 1, 1]), np.array([0, 0, -1, -1, 1]), 2)
    assert counts.tolist() == [[2, 0, 1], [0, 1, 1]]
    dropped, wrong = score(counts, "drop"), score(counts, "wrong")
    assert dropped.iou.tolist() == [1, 1]
    assert wrong.iou.tolist() == [2 / 3, 1 / 2]
    assert dropped.accuracy.tolist() == wrong.accuracy.tolist() == [2 / 3, 1 / 2]


def test_absent_classes_count_as_zero_or_not_at_all() -> None:
    # class 1 occurs and is never right, class 2 is answered though it does not occur, class 3 neither
    scores = score(confusion(np.array([0, 0, 1, -1]), np.array([0, 0, 2, 3]), 4), "wrong")
    assert scores.iou[:2].tolist() == [1, 0]
    assert scores.iou[2] == 0 and np.isnan(scores.iou[3]) and np.isnan(scores.accuracy[2:]).all()
    assert (scores.mean_iou("present"), scores.mean_iou("all")) == (0.5, 0.25)
    assert (scores.mean_accuracy("present"), scores.mean_accuracy("all")) == (0.5, 0.25)
    assert scores.mean_iou("present", np.array([False, True, True, True])) == 0
    assert math.isnan(scores.mean_iou("present", np.array([False, False, True, True])))


@pytest.mark.parametrize("unpredicted", ["wrong", "drop"])
def test_a_class_that_is_predicted_and_absent_from_truth_has_iou_zero_as_in_scannets_script(
    unpredicted: Unpredicted,
) -> None:
    scores = score(confusion(np.array([0, 0]), np.array([0, 1]), 2), unpredicted)
    assert scores.iou.tolist() == [0.5, 0.0] and math.isnan(scores.accuracy[1])
    assert (scores.mean_iou("present"), scores.mean_iou("all")) == (0.5, 0.25)


def test_a_class_that_is_nowhere_predicted_has_iou_zero_where_the_original_crashes() -> None:
    scores = score(confusion(np.array([0, 1, 1]), np.array([0, -1, -1]), 2), "drop")
    assert scores.iou.tolist() == [1, 0]


def test_counts_of_scenes_add_up() -> None:
    rng = np.random.default_rng(1)
    truth, predicted = rng.integers(-1, 7, (2, 900))
    halves = confusion(truth[:400], predicted[:400], 7) + confusion(truth[400:], predicted[400:], 7)
    np.testing.assert_array_equal(halves, confusion(truth, predicted, 7))


def test_without_points_nothing_is_measured() -> None:
    scores = score(confusion(np.array([-1, -1]), np.array([0, -1]), 2), "wrong")
    figures = (scores.mean_iou("present"), scores.frequency_weighted_iou, scores.point_accuracy)
    assert all(map(math.isnan, figures))


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0, "0.0"), (1, "100.0"), (0.5286, "52.9"), (0.99949, "99.9"), (0.9996, "100.0"), (2 / 3, "66.7"), (0.0625, "6.2"),
     (math.nan, "–")],
)  # fmt: skip
def test_percentages_have_one_decimal(share: float, shown: str) -> None:
    assert percent(share) == shown


AXES = np.eye(4, dtype=np.float32)


def of(vectors: list[list[float]], texts: ClassTexts, rows: list[int] | None = None, count: int = 0) -> Decision:
    rows = list(range(len(vectors))) if rows is None else rows
    block = (np.array(rows, np.int32), np.array(vectors, np.float16))
    return decide([block], count or len(vectors), texts)


@pytest.mark.parametrize("half", [False, True])
def test_a_point_takes_the_class_of_its_best_text_and_ties_the_lowest(half: bool) -> None:
    texts = ClassTexts(AXES, np.array([0, 2, 2, 3]), half)  # class 1 has no text, class 2 has two
    found = of([[0.6, 0.5, 0, 0], [0, 0, 1, 0], [0.5, 0.5, 0, 0.5], [0, 0, 0, 0], [-1, 0, 0, 0]], texts)
    assert found.index.tolist() == [0, 2, 0, 0, 2]
    assert found.score[1] == pytest.approx(1, abs=1e-3)


def test_points_without_a_vector_have_no_class_and_blocks_make_no_difference() -> None:
    rng = np.random.default_rng(2)
    vectors, texts = rng.normal(size=(50, 4)).astype(np.float16), ClassTexts(AXES, np.arange(4))
    rows = rng.permutation(60)[:50].astype(np.int32)
    whole = decide([(rows, vectors)], 60, texts)
    parts = decide([(rows[:7], vectors[:7]), (rows[7:], vectors[7:])], 60, texts)
    assert (whole.index < 0).sum() == 10
    np.testing.assert_array_equal(whole.index, parts.index)
    np.testing.assert_allclose(whole.score, parts.score, atol=1e-6)


def test_the_length_of_a_vector_decides_nothing() -> None:
    texts = ClassTexts(AXES, np.arange(4))
    short, long = of([[0.1, 0.2, 0, 0]], texts), of([[10, 20, 0, 0]], texts)
    assert short.index == long.index == 1
    assert short.score == pytest.approx(long.score, abs=1e-3)


def test_an_ensemble_takes_the_higher_score_of_unit_vectors_and_the_second_for_equals() -> None:
    texts = ClassTexts(AXES, np.arange(4))
    first = of([[9, 9, 0, 0], [0, 1, 0, 0], [0, 1, 0, 0]], texts)  # long, but undecided; sure; sure
    second = of([[0, 0, 0.1, 0], [0, 0, 0.5, 0.5], [0, 0, 1, 0]], texts)
    together, from_first = ensemble(first, second)
    assert together.index.tolist() == [2, 1, 2]
    assert from_first.tolist() == [False, True, False]


def test_an_ensemble_takes_the_vector_that_is_there() -> None:
    texts = ClassTexts(AXES, np.arange(4))
    first = of([[0, 1, 0, 0]], texts, rows=[0], count=4)
    second = of([[0, 0, 0, 1], [-1, -1, -1, -0.9]], texts, rows=[1, 2], count=4)
    assert ensemble(first, second)[0].index.tolist() == [1, 3, 3, -1]


def test_openscene_lets_a_missing_vector_win_over_negative_scores() -> None:
    texts = ClassTexts(AXES, np.arange(4), half=True)
    first = of([[0, 1, 0, 0]], texts, rows=[0], count=3)
    second = of([[0, 0, 0, 1], [-1, -1, -1, -0.9]], texts, rows=[1, 2], count=3)
    assert ensemble(first, second, half=True)[0].index.tolist() == [1, 3, 0]


def test_points_without_a_class_take_the_nearest() -> None:
    xyz = np.array([[0, 0, 0], [1, 0, 0], [1.2, 0, 0], [5, 0, 0]], float)
    assert fill_from_nearest(np.array([2, -1, 1, -1], np.int32), xyz).tolist() == [2, 1, 1, 1]
    assert fill_from_nearest(np.array([-1, -1, -1, -1], np.int32), xyz).tolist() == [-1] * 4
