"""OpenScene's evaluation told once more, a point at a time, and held against ours: decisions, counts, means."""

import numpy as np
import pytest
from numpy.typing import NDArray
from ovstore.evaluation.labels import label_files
from ovstore.evaluation.labels.label_set import LabelClass, LabelSet
from ovstore.evaluation.points.decide import ClassTexts, decide, ensemble
from ovstore.evaluation.points.metrics import Unpredicted, confusion, score
from ovstore.evaluation.points.protocol import NAMED, asked_texts
from ovstore.evaluation.points.report import PointReport, SceneCounts

IGNORED, NO_FEATURE = 255, 256
Rows = NDArray[np.float16]


def original_means(predicted: NDArray[np.int64], truth: NDArray[np.int64], classes: int) -> tuple[float, float]:
    """mIoU and mAcc of OpenScene's util/metric: rows of its matrix are predictions, 256 is no feature."""
    predicted, truth = predicted[truth != IGNORED], truth[truth != IGNORED]
    size = classes + 1 if (predicted == NO_FEATURE).any() else classes
    numbered = np.where(predicted == NO_FEATURE, classes, predicted)
    matrix = np.bincount(numbered * size + truth, minlength=size**2).reshape(size, size)[:classes, :classes]
    ious, accuracies = 0.0, 0.0
    for c in range(classes):
        if not (truth == c).any():
            continue
        right = matrix[c, c]
        ious += right / (matrix[c].sum() + matrix[:, c].sum() - right)
        accuracies += right / (truth == c).sum()
    return ious / classes, accuracies / classes


@pytest.mark.parametrize("seed", range(6))
def test_means_are_those_of_the_original(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.choice([*range(12), IGNORED], 3000)  # of 16 classes the last four are absent
    predicted = rng.choice([*range(16), *([NO_FEATURE] if seed % 2 else [])], 3000)
    counts = confusion(np.where(truth == IGNORED, -1, truth), np.where(predicted == NO_FEATURE, -1, predicted), 16)
    openscene = NAMED["openscene"]
    scores = score(counts, openscene.counted_as)
    found = scores.mean_iou(openscene.over), scores.mean_accuracy(openscene.over)
    assert found == pytest.approx(original_means(predicted, truth, 16), abs=1e-12)


@pytest.mark.parametrize(("unpredicted", "iou"), [("drop", [1, 1]), ("wrong", [2 / 3, 1 / 2])])
def test_the_worked_example(unpredicted: Unpredicted, iou: list[float]) -> None:
    scores = score(confusion(np.array([0, 0, 0, 1, 1]), np.array([0, 0, -1, -1, 1]), 2), unpredicted)
    assert scores.iou.tolist() == iou
    assert scores.accuracy.tolist() == [2 / 3, 1 / 2]
    assert scores.mean_iou("all") == pytest.approx(sum(iou) / 2)
    if unpredicted == "drop":
        assert original_means(np.array([0, 0, 256, 256, 1]), np.array([0, 0, 0, 1, 1]), 2) == (1, (2 / 3 + 1 / 2) / 2)


def test_points_whose_truth_is_ignored_count_nowhere_whatever_is_predicted() -> None:
    counts = confusion(np.array([0, -1, -1, -1]), np.array([0, 0, 1, -1]), 2)
    assert counts.tolist() == [[1, 0, 0], [0, 0, 0]]


def original_class(fused: Rows, distilled: Rows, texts: Rows, kind: str) -> NDArray[np.int64]:
    """The text that OpenScene's run/evaluate.py takes for each point, products summed in single precision."""

    def products(vectors: Rows) -> Rows:
        return (vectors.astype(np.float32) @ texts.astype(np.float32).T).astype(np.float16)

    def unit(vectors: Rows) -> Rows:
        wide = vectors.astype(np.float32)
        return (wide / (np.linalg.norm(wide, axis=1, keepdims=True) + 1e-5)).astype(np.float16)

    if kind != "ensemble":
        return products({"fusion": fused, "distill": distilled}[kind]).argmax(axis=1)
    by_fused = products(unit(distilled)).max(axis=1) < products(unit(fused)).max(axis=1)
    return products(np.where(by_fused[:, None], fused, distilled)).argmax(axis=1)


@pytest.mark.parametrize("kind", ["fusion", "distill", "ensemble"])
def test_decisions_are_those_of_the_original(kind: str) -> None:
    """Vectors as long as they come, and fused ones missing for a third of the points."""
    rng = np.random.default_rng(3)
    fused, distilled = (rng.normal(size=(4000, 24)) * rng.uniform(0.2, 9, (4000, 1)) for _ in range(2))
    fused[rng.random(4000) < 1 / 3] = 0
    fused, distilled = fused.astype(np.float16), distilled.astype(np.float16)
    texts = rng.normal(size=(20, 24)).astype(np.float16)
    asked = ClassTexts(texts.astype(np.float32), np.arange(20), half=True)
    seen = np.flatnonzero(fused.any(axis=1)).astype(np.int32)
    first = decide([(seen, fused[seen])], 4000, asked)
    second = decide([(np.arange(4000, dtype=np.int32), distilled)], 4000, asked)
    expected = original_class(fused, distilled, texts, kind)
    if kind == "ensemble":
        np.testing.assert_array_equal(ensemble(first, second, half=True)[0].index, expected)
    elif kind == "distill":
        np.testing.assert_array_equal(second.index, expected)
    else:
        np.testing.assert_array_equal(first.index[seen], expected[seen])
        assert (first.index < 0).sum() == 4000 - len(seen)


def test_half_precision_makes_ties_and_ties_go_to_the_first() -> None:
    texts = np.array([[1, 0], [1.0004, 0]], np.float32)  # half precision cannot tell them apart
    one = [(np.array([0], np.int32), np.array([[1, 0]], np.float16))]
    assert decide(one, 1, ClassTexts(texts, np.arange(2), half=True)).index == 0
    assert decide(one, 1, ClassTexts(texts, np.arange(2))).index == 1


def test_nuscenes_words_are_turned_into_classes_after_the_best_is_found() -> None:
    asked = asked_texts(label_files.load("nuscenes16_details"), openscene=True)
    class_of_text = np.array([each.index for each in asked])
    assert len(asked) == 43 and set(class_of_text) == set(range(16))
    rng = np.random.default_rng(4)
    texts, vectors = (rng.normal(size=(rows, 8)).astype(np.float16) for rows in (43, 2000))
    found = decide(
        [(np.arange(2000, dtype=np.int32), vectors)], 2000, ClassTexts(texts.astype(np.float32), class_of_text, True)
    )
    np.testing.assert_array_equal(found.index, class_of_text[original_class(vectors, vectors, texts, "fusion")])


def test_scenes_are_pooled_not_averaged() -> None:
    classes = tuple(LabelClass(name, number, (0, 0, 0)) for number, name in enumerate(("chair", "table")))
    label_set = LabelSet("two", "", "", "", "", "", None, classes, {})
    large, small = np.array([[90, 10, 0], [0, 100, 0]]), np.array([[0, 2, 0], [0, 0, 0]])
    scenes = tuple(SceneCounts(name, 200, counts) for name, counts in (("large", large), ("small", small)))
    report = PointReport("", label_set, NAMED["scannet"], "", scenes)
    assert report.scores.iou.tolist() == [90 / 102, 100 / 112]
    assert report.means["mIoU"] == pytest.approx((90 / 102 + 100 / 112) / 2)
    assert report.mean_of_scenes()["mIoU"] == pytest.approx(((0.9 + 100 / 110) / 2 + 0) / 2)
