"""A report on instances as tables of text."""

from typing import TYPE_CHECKING

from ..markup import Row, Table
from ..wording import percent
from .average_precision import NAMES, Figures

if TYPE_CHECKING:
    from .report import InstanceReport

CLASS_AGNOSTIC = "class-agnostic"  # the row of masks held against instances whatever their class
_PERCENT = tuple(f"{name} %" for name in NAMES)


def tables(report: "InstanceReport", per_scene: bool = False) -> list[Table]:
    """Means, classes that have an instance, and scenes where they are wanted."""
    return [_mean_table(report), _class_table(report), *([_scene_table(report)] if per_scene else [])]


def _mean_table(report: "InstanceReport") -> Table:
    rows = [(mean.over, *_percents(mean.figures), f"{mean.instances:,}", f"{mean.masks:,}") for mean in report.means]
    return Table(("mean over", *_PERCENT, "instances", "masks"), rows, left=("mean over",))


def _class_table(report: "InstanceReport") -> Table:
    precision = report.precision
    rows: list[Row] = [
        (
            str(each.id), each.name, *_percents((precision.ap[c], precision.ap50[c], precision.ap25[c])),
            f"{precision.instances[c]:,}", f"{precision.masks[c]:,}",
        )
        for c, each in enumerate(report.label_set.classes) if precision.instances[c]
    ]  # fmt: skip
    return Table(("id", "class", *_PERCENT, "instances", "masks"), rows, left=("class",))


def _scene_table(report: "InstanceReport") -> Table:
    rows = []
    for scene in report.scenes:
        own, together = report.of_scene(scene)
        rows.append((scene.name, *_percents(own), percent(together.figures[1]), f"{together.instances:,}"))
    return Table(("scene", *_PERCENT, f"{CLASS_AGNOSTIC} AP50 %", "instances"), rows, left=("scene",))


def _percents(figures: Figures) -> Row:
    return tuple(percent(value) for value in figures)
