"""How well predicted classes fit the truth: counts, then IoU and accuracy of classes, then their means.

    counts    (C, C + 1) points: row = class in truth, column = predicted class, the last column = no prediction
    IoU       TP / (TP + FP + FN), accuracy TP / (points of the class in truth, those without a prediction included)

Counts of scenes add up: the sum gives pooled scores, each by itself those of a scene. Two things are conventions, and
tables in papers differ by them:

    unpredicted   "wrong": points without a prediction are false negatives of their class (ScanNet's benchmark).
                  "drop": they leave the IoU, as OpenScene does since April 2023; the accuracy counts them all the same.
    over          "present": means over classes that have points in truth.
                  "all": over all classes, absent ones as 0; OpenScene divides by their number.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Unpredicted = Literal["drop", "wrong"]
Over = Literal["present", "all"]


def confusion(truth: NDArray[np.integer], predicted: NDArray[np.integer], classes: int) -> NDArray[np.int64]:
    """(C, C + 1) counts of points whose `truth` is a class; both are (N,) class indices, -1 for none."""
    counted = truth >= 0
    columns = np.where(predicted < 0, classes, predicted)[counted].astype(np.int64)
    cells = truth[counted].astype(np.int64) * (classes + 1) + columns
    return np.bincount(cells, minlength=classes * (classes + 1)).reshape(classes, classes + 1)


@dataclass(frozen=True)
class Scores:
    """Shares from 0 to 1."""

    iou: NDArray[np.float64]  # (C,) nan for classes that neither truth nor prediction has
    accuracy: NDArray[np.float64]  # (C,) nan for classes without points in truth
    points: NDArray[np.int64]  # (C,) in truth
    correct: int  # points

    def mean_iou(self, over: Over, of: NDArray[np.bool_] | None = None) -> float:
        """mIoU of all classes, or of those that the mask `of` (C,) picks; nan when there are none."""
        return self._mean(self.iou, over, of)

    def mean_accuracy(self, over: Over, of: NDArray[np.bool_] | None = None) -> float:
        """mAcc, likewise."""
        return self._mean(self.accuracy, over, of)

    def _mean(self, values: NDArray[np.float64], over: Over, of: NDArray[np.bool_] | None) -> float:
        picked = np.ones(len(values), bool) if of is None else of
        present = picked & (self.points > 0)
        count = int((picked if over == "all" else present).sum())
        return float(values[present].sum() / count) if count else float("nan")

    @property
    def frequency_weighted_iou(self) -> float:
        """fwIoU: a class counts by its share of the points in truth."""
        total = self.points.sum()
        return float(np.nansum(self.iou * self.points) / total) if total else float("nan")

    @property
    def point_accuracy(self) -> float:
        """Share of the points that are right, whatever their class."""
        total = self.points.sum()
        return float(self.correct / total) if total else float("nan")


def score(counts: NDArray[np.int64], unpredicted: Unpredicted) -> Scores:
    """A class whose points have no prediction at all has IoU 0, also where they are dropped.

    So has one that is predicted and absent from truth, as in ScanNet's script; means "present" leave it out.
    """
    points = counts.sum(axis=1)
    predicted = counts[:, :-1]
    true_positives = predicted.diagonal()
    in_truth = points if unpredicted == "wrong" else predicted.sum(axis=1)
    union = in_truth + predicted.sum(axis=0) - true_positives
    absent = points == 0
    iou = np.where(absent & (union == 0), np.nan, true_positives / np.maximum(union, 1))
    accuracy = np.where(absent, np.nan, true_positives / np.maximum(points, 1))
    return Scores(iou, accuracy, points, int(true_positives.sum()))
