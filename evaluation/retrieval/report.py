"""The result of a retrieval, and all that its tables say of it."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from ...core.features import LEVELS
from ...core.wording import counted
from ...store.search.probability import HERE
from ..markup import Table
from ..wording import number
from .figures import SIZES, Section
from .questions import SHOWN, By
from .run import Answered
from .scene_scores import BEST_POINTS, METHODS
from .tables import tables


@dataclass(frozen=True)
class RetrievalReport:
    """All questions to one collection."""

    evaluated: str  # "tiny"
    labels: str  # "the scans' own labels"
    scenes: tuple[str, ...]
    most_scenes: int
    answered: tuple[Answered, ...]
    asked_with: str
    notes: tuple[str, ...] = ()

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """By name, by picture; those that were asked."""
        every: tuple[By, ...] = ("name", "picture")
        return tuple(
            Section(
                by,
                tuple(each for each in self.answered if each.question.by == by and each.question.label is not None),
                tuple(each for each in self.answered if each.question.by == by and each.question.label is None),
                len(self.scenes),
            )
            for by in every
            if any(each.question.by == by for each in self.answered)
        )

    @property
    def title(self) -> str:
        """One line."""
        return f"{self.evaluated}: labels that few of {len(self.scenes)} scenes hold, by {self.labels}"

    @property
    def sentences(self) -> list[str]:
        """What the numbers mean."""
        return [
            *(self._asked(section) for section in self.sections),
            "A query's rank is that of the first scene that holds the label; scenes with the same score are ranked "
            "before it. R@k is the share of queries with a rank of at most k; chance is a random order of scenes.",
            *(sentence for section in self.sections for sentence in self._others(section)),
            "Scene AUROC: scores of scenes that hold the label against those of the others, mean over queries. "
            "Absent AUROC: best scores for labels that are present against those for labels that no scene holds; "
            "prob. AUROC: the same for the best probability that a search prints. A tie counts half.",
            "Elsewhere: the absent AUROC that is left when the scenes that hold the label are removed, and with "
            "them all that could be found. The remaining difference comes from the queries; only what exceeds it "
            "was found.",
            "AP25, AP50: all regions of all scenes by score; a region finds a thing if the IoU of their points is "
            "at least 0.25 or 0.5, each thing is found once, and the precision at each find is averaged, without "
            "interpolation.",
            "First hit and mask: IoU of the first hit, and of the points that a search shows of it, with the thing "
            "they fit best; 0 if the hit is another thing. Possible: the region that fits best, whatever its "
            "score. Figures by size and by query are those of objects.",
            "A thing is an instance, or all points of a label that are in no instance. Size is the number of "
            "points of the largest thing with the label. Points without a vector count, but no mask contains them.",
            *(sentence for section in self.sections for sentence in self._probably_not_here(section)),
            *self._unseen(),
            *([f"Names are queried with {self.asked_with}."] if self.asked_with else []),
            *self.notes,
        ]

    def to_dict(self) -> dict[str, Any]:
        """Everything, unrounded, as values that JSON has; None where there is nothing to measure."""
        return _document(self)

    def tables(self, per_label: bool = False) -> list[Table]:
        """By method, by level of regions, by size and, if wanted, one row per question, as text."""
        return tables(self, per_label)

    def _asked(self, section: Section) -> str:
        scenes = "one" if self.most_scenes == 1 else f"at most {self.most_scenes}"
        labels = counted(section.labels, "label")
        if section.by == "name":
            here, absent = labels, f"{counted(len(section.absent), 'word')} for"
        else:
            here = f"{counted(len(section.here), 'image')} of {labels}"
            absent = f"{counted(len(section.absent), 'image')} of"
        return (
            f"By {SHOWN[section.by]}: {here} that {scenes} of {len(self.scenes)} scenes "
            f"{'holds' if self.most_scenes == 1 else 'hold'}, and {absent} what no scene holds."
        )

    def _others(self, section: Section) -> list[str]:
        if not section.with_others:
            return []
        return [
            "R@1 of others: the scene that an image was taken in is left out, and another that holds the label "
            f"must come first, for the {counted(len(section.with_others), 'image')} that have one. The scene itself "
            "may be found by the surroundings of the thing."
        ]

    def _probably_not_here(self, section: Section) -> list[str]:
        said = section.probably_not_here()
        if said is None:
            return []
        parts = [
            *([f"{said[1]} of {len(section.absent)} labels that no scene holds"] if section.absent else []),
            *([f"{said[0]} of {len(section.here)} labels that are present"] if section.here else []),
        ]
        return [
            f"“Probably not here” (no hit of a search for objects reaches {HERE:.0%}) is reported for "
            f"{', and for '.join(parts)}."
        ]

    def _unseen(self) -> list[str]:
        unseen = sorted({each.question.text for section in self.sections for each in section.here if not each.seen})
        return [f"No frame saw a point of {', '.join(unseen)}, which therefore cannot be found."] if unseen else []


def _document(report: RetrievalReport) -> dict[str, Any]:
    """Everything, unrounded; None where there is nothing to measure."""
    return {
        "judged": report.evaluated,
        "labels": report.labels,
        "scenes": list(report.scenes),
        "most_scenes": report.most_scenes,
        "best_points": BEST_POINTS,
        "asked_with": report.asked_with or None,
        "asked": [_section_json(section, report.scenes) for section in report.sections],
        "notes": report.sentences,
    }


def _section_json(section: Section, scenes: Sequence[str]) -> dict[str, Any]:
    said = section.probably_not_here()
    return {
        "by": section.by,
        "questions": len(section.here),
        "labels": section.labels,
        "absent": [each.question.text for each in section.absent],
        **_figures_json(section),
        "absent_auroc": {method: number(section.absent_auroc(method)) for method in METHODS},
        "others": {
            "questions": len(section.with_others),
            "methods": {method: _numbers(asdict(section.ranks_of_others(method))) for method in METHODS},
            "chance": _numbers(asdict(section.chance_of_others())),
        },
        "elsewhere_auroc": {method: number(section.elsewhere_auroc(method)) for method in METHODS},
        "probability_auroc": {level: number(section.probability_auroc(level)) for level in LEVELS},
        "probably_not_here": None if said is None else {"of_what_is_there": said[0], "of_what_is_not": said[1]},
        "sizes": [
            {"points": name, "questions": len(part.here), **_figures_json(part)}
            for name, least, most in SIZES
            for part in (section.of_size(least, most),)
        ],
        "rows": [_row_json(each, scenes) for each in (*section.here, *section.absent)],
    }


def _figures_json(section: Section) -> dict[str, Any]:
    return {
        "methods": {
            method: _numbers(asdict(section.ranks(method))) | {"scene_auroc": number(section.scene_auroc(method))}
            for method in METHODS
        },
        "chance": _numbers(asdict(section.chance())),
        "regions": {level: _numbers(asdict(section.regions(level))) for level in LEVELS},
    }


def _row_json(each: Answered, scenes: Sequence[str]) -> dict[str, Any]:
    here = each.question.label is not None
    return {
        "asked": each.question.text,
        "scenes": [name for name, holds in zip(scenes, each.holds, strict=True) if holds],
        "points": each.points,
        "points_with_a_vector": each.seen,
        "ranks": {method: each.rank(method) if here else None for method in METHODS},
        "best_scores": {method: number(float(each.scores[method].max())) for method in METHODS},
        "regions": {
            level: _numbers({
                "probability": math.nan if answer.probability is None else answer.probability,
                "ap25": answer.ap[0], "ap50": answer.ap[1], "hit_iou": answer.hit_iou, "mask_iou": answer.mask_iou,
                "best_iou": answer.best_iou,
            })
            for level, answer in each.regions.items()
        },
    }  # fmt: skip


def _numbers(values: dict[str, float]) -> dict[str, float | None]:
    return {name: number(value) for name, value in values.items()}
