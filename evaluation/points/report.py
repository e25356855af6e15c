"""The result of an evaluation: counts of each scene, and all that a table says of them."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.wording import counted
from ..labels.label_set import LabelSet
from ..markup import Table
from ..wording import number, percent
from .metrics import Over, Scores, Unpredicted, score
from .protocol import Protocol
from .tables import tables

_BACKGROUND = {"wall", "floor", "ceiling"}  # what f-mIoU leaves out
_OVER_WORDS = {"present": "classes that occur", "all": "all classes, absent ones as 0"}


@dataclass(frozen=True)
class SceneCounts:
    """One scene."""

    name: str
    point_count: int
    counts: NDArray[np.int64]  # (C, C + 1) as `metrics.confusion` makes them
    unseen: NDArray[np.int64] | None = None  # (C, C + 1) of points that no frame saw; None where nobody knows


@dataclass(frozen=True)
class PointReport:
    """All scenes against one label set."""

    evaluated: str  # "tiny", "ensemble of a and b", "predictions/"
    label_set: LabelSet
    protocol: Protocol
    asked_with: str  # the sentences around the words; "" for files, which nobody asks
    scenes: tuple[SceneCounts, ...]
    notes: tuple[str, ...] = ()  # what a reader has to know besides, a sentence each

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """(C, C + 1) of all scenes."""
        return np.sum([scene.counts for scene in self.scenes], axis=0)

    @cached_property
    def scores(self) -> Scores:
        """Pooled over all scenes, by the protocol."""
        return score(self.counts, self.protocol.counted_as)

    @cached_property
    def seen_accuracy(self) -> tuple[float, float] | None:
        """Point accuracy where a frame saw the point, and where none did; None unless some of these are predicted."""
        known = [scene.unseen for scene in self.scenes if scene.unseen is not None]
        unseen = np.sum(known, axis=0)
        if len(known) < len(self.scenes) or not unseen[:, :-1].any():
            return None
        seen, others = (score(counts, self.protocol.counted_as) for counts in (self.counts - unseen, unseen))
        return seen.point_accuracy, others.point_accuracy

    @cached_property
    def foreground(self) -> NDArray[np.bool_]:
        """(C,) the classes of f-mIoU."""
        return np.array([each.name not in _BACKGROUND for each in self.label_set.classes])

    @property
    def means(self) -> dict[str, float]:
        """Shares from 0 to 1, by the names that people know them by."""
        return means(self.scores, self.protocol.over, self.foreground)

    @property
    def title(self) -> str:
        """One line."""
        scenes = counted(len(self.scenes), "scene")
        return f"{self.evaluated} on {self.label_set.name}, {scenes}, protocol {self.protocol.name}"

    @property
    def sentences(self) -> list[str]:
        """What the numbers mean."""
        return [
            self._counted(), *self._unpredicted(), *self._unseen(), self._averaged(), self._foreground(),
            *self._asked(), *self.notes,
        ]  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Everything, unrounded, as values that JSON has; None where there is nothing to measure."""
        return _document(self)

    def tables(self, per_scene: bool = False) -> list[Table]:
        """Means, classes and, if wanted, scenes, as text."""
        return tables(self, per_scene)

    def scene_means(self, scene: SceneCounts) -> dict[str, float]:
        """Of one scene, over the classes that occur in it whatever the protocol: few of all classes do."""
        return means(score(scene.counts, self.protocol.counted_as), "present", self.foreground)

    def mean_of_scenes(self) -> dict[str, float]:
        """The mean of each figure over the scenes that have it."""
        of_scenes = [self.scene_means(scene) for scene in self.scenes]
        found = {name: [each[name] for each in of_scenes if not math.isnan(each[name])] for name in of_scenes[0]}
        return {name: float(np.mean(values)) if values else float("nan") for name, values in found.items()}

    def _counted(self) -> str:
        total = sum(scene.point_count for scene in self.scenes)
        return (
            f"{self.scores.points.sum():,} of {total:,} points count: those whose label is a class of "
            f"{self.label_set.name}."
        )

    def _unpredicted(self) -> list[str]:
        points = self.counts[:, -1].sum()
        if self.protocol.unpredicted == "nearest":
            return ["Points without a prediction take that of the nearest point that has one."]
        if not points:
            return []
        whose = f"{points:,} of these ({points / self.counts.sum():.1%}) have no prediction"
        if self.protocol.counted_as == "wrong":
            other: Unpredicted = "drop"
            sentence = f"{whose} and count as wrong; dropped from the IoU, as OpenScene does, mIoU would be"
        else:
            other = "wrong"
            sentence = f"{whose}: they are dropped from the IoU, not from the accuracy; counted as wrong, mIoU would be"
        return [f"{sentence} {percent(score(self.counts, other).mean_iou(self.protocol.over))}."]

    def _unseen(self) -> list[str]:
        if self.seen_accuracy is None:
            return []
        seen, unseen = map(percent, self.seen_accuracy)
        return [f"Of points that a frame saw, {seen}% are right; of points that no frame saw, {unseen}%."]

    def _averaged(self) -> str:
        present, of = int((self.scores.points > 0).sum()), len(self.label_set.classes)
        if present == of:
            return f"Means are over all {of} classes; each occurs."
        other: Over = "present" if self.protocol.over == "all" else "all"
        mean = percent(self.scores.mean_iou(other)), percent(self.scores.mean_accuracy(other))
        if self.protocol.over == "present":
            return (
                f"Means are over the {present} of {of} classes that occur; "
                f"over all {of}, absent ones as 0: mIoU {mean[0]}, mAcc {mean[1]}."
            )
        return (
            f"Means are over all {of} classes, with the {of - present} absent ones as 0; over the {present} that "
            f"occur: mIoU {mean[0]}, mAcc {mean[1]}."
        )

    def _foreground(self) -> str:
        left_out = [each.name for each, kept in zip(self.label_set.classes, self.foreground, strict=True) if not kept]
        without = f" (without {', '.join(left_out)})" if left_out else ""
        return (
            f"f-mIoU is the mIoU of foreground classes{without}; fwIoU weights classes by their points in the "
            "ground truth."
        )

    def _asked(self) -> list[str]:
        return [f"Queried with {self.asked_with}."] if self.asked_with else []


def means(scores: Scores, over: Over, foreground: NDArray[np.bool_]) -> dict[str, float]:
    """The figures of a table, by name."""
    return {
        "mIoU": scores.mean_iou(over),
        "mAcc": scores.mean_accuracy(over),
        "f-mIoU": scores.mean_iou(over, foreground),
        "f-mAcc": scores.mean_accuracy(over, foreground),
        "fwIoU": scores.frequency_weighted_iou,
        "point accuracy": scores.point_accuracy,
    }


def _document(report: PointReport) -> dict[str, Any]:
    """Everything, unrounded; None where there is nothing to measure."""
    scores, protocol = report.scores, report.protocol
    classes = [
        {"id": each.id, "name": each.name, "points": int(points), "iou": number(iou), "accuracy": number(accuracy)}
        for each, points, iou, accuracy in zip(
            report.label_set.classes, scores.points, scores.iou, scores.accuracy, strict=True
        )
    ]
    return {
        "judged": report.evaluated,
        "labels": report.label_set.name,
        "protocol": {
            "name": protocol.name,
            "points_without_prediction": protocol.unpredicted,
            "means_over": _OVER_WORDS[protocol.over],
            "asked_with": report.asked_with or None,
        },
        "points": sum(scene.point_count for scene in report.scenes),
        "points_counted": int(scores.points.sum()),
        "points_without_prediction": int(report.counts[:, -1].sum()),
        "means": {name: number(value) for name, value in report.means.items()},
        "means_of_classes_that_occur": {
            name: number(value) for name, value in means(scores, "present", report.foreground).items()
        },
        "accuracy_by_sight": None
        if report.seen_accuracy is None
        else {"seen": number(report.seen_accuracy[0]), "unseen": number(report.seen_accuracy[1])},
        "classes": classes,
        "confusion": {"rows": "truth", "columns": "prediction, the last: none", "points": report.counts.tolist()},
        "scenes": [_scene_json(report, scene) for scene in report.scenes],
        "notes": report.sentences,
    }


def _scene_json(report: PointReport, scene: SceneCounts) -> dict[str, Any]:
    figures = {name: number(value) for name, value in report.scene_means(scene).items()}
    return {
        "scene": scene.name,
        "points": scene.point_count,
        "points_counted": int(scene.counts.sum()),
        "classes": int((scene.counts.sum(axis=1) > 0).sum()),
        "means_of_classes_that_occur": figures,
    }
