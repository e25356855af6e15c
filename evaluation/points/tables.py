"""A report as tables of text."""

from typing import TYPE_CHECKING

from ..markup import Row, Table
from ..wording import percent

if TYPE_CHECKING:
    from .report import PointReport

CLASS_COLUMNS = ("id", "class", "IoU %", "acc. %", "points")
SCENE_COLUMNS = ("scene", "points", "classes", "mIoU %", "mAcc %", "fwIoU %")
_FIGURES = ("mIoU", "mAcc", "fwIoU")


def class_rows(report: "PointReport") -> list[Row]:
    """One row per class in CLASS_COLUMNS, percentages with one decimal; a dash where there is nothing to measure."""
    scores = report.scores
    return [
        (str(each.id), each.name, percent(iou), percent(accuracy), f"{points:,}")
        for each, iou, accuracy, points in zip(
            report.label_set.classes, scores.iou, scores.accuracy, scores.points, strict=True
        )
    ]


def scene_rows(report: "PointReport") -> list[Row]:
    """One row per scene in SCENE_COLUMNS, and their mean."""
    rows = [
        (
            scene.name, f"{scene.counts.sum():,}", str(int((scene.counts.sum(axis=1) > 0).sum())),
            *(percent(report.scene_means(scene)[name]) for name in _FIGURES),
        )
        for scene in report.scenes
    ]  # fmt: skip
    return [*rows, ("mean of scenes", "", "", *(percent(report.mean_of_scenes()[name]) for name in _FIGURES))]


def tables(report: "PointReport", per_scene: bool = False) -> list[Table]:
    """Means, classes, and scenes where they are wanted."""
    means = Table(tuple(report.means), [tuple(percent(value) for value in report.means.values())])
    classes = Table(CLASS_COLUMNS, class_rows(report), left=("class",))
    scenes = Table(SCENE_COLUMNS, scene_rows(report), left=("scene",))
    return [means, classes, *([scenes] if per_scene else [])]
