"""The result of an evaluation by instances, and all that a table says of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.wording import counted, short_list
from ..labels.label_set import LabelSet
from ..markup import Table
from ..wording import number
from .average_precision import LOW_THRESHOLD, NAMES, THRESHOLDS, AveragePrecision, Figures, average_precision, found
from .instances import Overlap
from .tables import CLASS_AGNOSTIC, tables


@dataclass(frozen=True)
class SceneOverlap:
    """One scene."""

    name: str
    overlap: Overlap


@dataclass(frozen=True)
class Mean:
    """One line of the table of means."""

    over: str  # "classes", "head", "class-agnostic" ...
    figures: Figures
    instances: int
    masks: int


@dataclass(frozen=True)
class InstanceReport:
    """All scenes against one label set."""

    evaluated: str  # "objects of tiny", "masks in other-tool/"
    label_set: LabelSet
    min_points: int
    asked_with: str  # the sentences around the words; "" for files, which nobody asks
    scenes: tuple[SceneOverlap, ...]
    notes: tuple[str, ...] = ()

    @cached_property
    def precision(self) -> AveragePrecision:
        """Of each class, all scenes pooled."""
        overlaps = [scene.overlap for scene in self.scenes]
        return average_precision(overlaps, len(self.label_set.classes), self.min_points)

    @cached_property
    def means(self) -> list[Mean]:
        """Over all things, over those of each group where there are several, and without classes."""
        precision, things = self.precision, self.label_set.things
        named = [("classes", things), *self._groups()]
        means = [
            Mean(name, precision.means(own), int(precision.instances[own].sum()), int(precision.masks[own].sum()))
            for name, own in named
        ]
        return [*means, without_classes([scene.overlap for scene in self.scenes], self.min_points)]

    @property
    def title(self) -> str:
        """One line."""
        return f"{self.evaluated} on the instances of {self.label_set.name}, {counted(len(self.scenes), 'scene')}"

    @property
    def sentences(self) -> list[str]:
        """What the numbers mean."""
        asked = (
            "A region takes the class whose words are closest; its confidence is their cosine. "
            f"Queried with {self.asked_with}."
        )
        return [
            f"AP is the mean over overlaps (IoU) above {', '.join(f'{each:.0%}' for each in THRESHOLDS[:2])} ... "
            f"{THRESHOLDS[-1]:.0%}, as in ScanNet's script; AP50 and AP25 are those above 50% and 25%.",
            self._counted(),
            self._found(),
            self._things(),
            self._averaged(),
            *([asked] if self.asked_with else []),
            *self.notes,
        ]  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Everything, unrounded, as values that JSON has; None where there is nothing to measure."""
        return _document(self)

    def tables(self, per_scene: bool = False) -> list[Table]:
        """Means, classes and, if wanted, scenes, as text."""
        return tables(self, per_scene)

    def of_scene(self, scene: SceneOverlap) -> tuple[Figures, Mean]:
        """Of one scene alone: the mean over the classes that have an instance in it, and without classes."""
        precision = average_precision([scene.overlap], len(self.label_set.classes), self.min_points)
        return precision.means(self.label_set.things), without_classes([scene.overlap], self.min_points)

    def _groups(self) -> list[tuple[str, NDArray[np.bool_]]]:
        classes, things = self.label_set.classes, self.label_set.things
        names = dict.fromkeys(each.group for each, thing in zip(classes, things, strict=True) if thing and each.group)
        of = {name: things & np.array([each.group == name for each in classes]) for name in names}
        return list(of.items()) if len(of) > 1 else []

    def _counted(self) -> str:
        total = sum(len(scene.overlap.truth_size) for scene in self.scenes)
        return (
            f"{self.precision.instances.sum():,} of {total:,} instances count: those of at least {self.min_points} "
            "points. Smaller masks are left out."
        )

    def _things(self) -> str:
        without = f" but {short_list(self.label_set.stuff)}" if self.label_set.stuff else ""
        return f"Instances of all classes of {self.label_set.name}{without} count; masks that lie elsewhere do not."

    def _averaged(self) -> str:
        present, of = int((self.precision.instances > 0).sum()), int(self.label_set.things.sum())
        if present == of:
            return f"Means are over all {of} classes; each has an instance that counts."
        return f"Means are over the {present} of {of} classes that have an instance that counts."

    def _found(self) -> str:
        overlaps = [scene.overlap.as_one_class() for scene in self.scenes]
        half, quarter = (found(overlaps, threshold, self.min_points) for threshold in (THRESHOLDS[0], LOW_THRESHOLD))
        return (
            f"Regardless of class, {half:,} of these have a mask of their own that overlaps them by more than half, "
            f"{quarter:,} by more than a quarter."
        )


def without_classes(overlaps: Sequence[Overlap], min_points: int) -> Mean:
    """Whether masks fit instances, whatever they claim to be."""
    precision = average_precision([each.as_one_class() for each in overlaps], 1, min_points)
    figures = precision.means(np.ones(1, bool))
    return Mean(CLASS_AGNOSTIC, figures, int(precision.instances[0]), int(precision.masks[0]))


def _document(report: InstanceReport) -> dict[str, Any]:
    """Everything, unrounded; None where there is nothing to measure."""
    precision = report.precision
    return {
        "judged": report.evaluated,
        "labels": report.label_set.name,
        "protocol": {
            "overlaps": list(THRESHOLDS),
            "min_points": report.min_points,
            "without": list(report.label_set.stuff),
            "asked_with": report.asked_with or None,
        },
        "means": {mean.over: _mean_json(mean) for mean in report.means},
        "classes": [
            {"id": each.id, "name": each.name, "group": each.group or None}
            | _figures_json((precision.ap[c], precision.ap50[c], precision.ap25[c]))
            | {"instances": int(precision.instances[c]), "masks": int(precision.masks[c])}
            for c, each in enumerate(report.label_set.classes)
            if report.label_set.things[c]
        ],
        "scenes": [_scene_json(report, scene) for scene in report.scenes],
        "notes": report.sentences,
    }


def _scene_json(report: InstanceReport, scene: SceneOverlap) -> dict[str, Any]:
    own, together = report.of_scene(scene)
    return {"scene": scene.name, **_figures_json(own), CLASS_AGNOSTIC: _mean_json(together)}


def _mean_json(mean: Mean) -> dict[str, Any]:
    return _figures_json(mean.figures) | {"instances": mean.instances, "masks": mean.masks}


def _figures_json(figures: Figures) -> dict[str, float | None]:
    return {name: number(value) for name, value in zip(NAMES, figures, strict=True)}
