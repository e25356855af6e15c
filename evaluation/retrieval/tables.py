"""A retrieval as tables: by method, by level of regions, by size, and one row per question."""

import math
from typing import TYPE_CHECKING

from ...core.features import LEVELS
from ..markup import Row, Table
from ..wording import percent
from .figures import SIZES, Section
from .questions import SHOWN
from .ranking import RankFigures
from .scene_scores import METHODS

if TYPE_CHECKING:
    from .report import RetrievalReport

_LEVEL_NAMES = {"superpoint": "superpoints", "object": "objects"}


def tables(report: "RetrievalReport", per_label: bool = False) -> list[Table]:
    """All of them, one way of asking after the other."""
    found = []
    for section in report.sections:
        found += [by_method(section), by_level(section), by_size(section)]
        if per_label:
            found.append(by_question(section))
    return found


def by_method(section: Section) -> Table:
    """One row per method, and one for chance."""
    corner = f"scenes, by {SHOWN[section.by]}"
    columns = [corner, "R@1 %", "R@5 %", "MRR %", "median rank", "scene AUROC %", "absent AUROC %", "elsewhere %"]
    rows = [
        [method, *_rank_cells(section.ranks(method)), percent(section.scene_auroc(method)),
         percent(section.absent_auroc(method)), percent(section.elsewhere_auroc(method))]
        for method in METHODS
    ]  # fmt: skip
    even, nothing = percent(0.5), percent(math.nan)
    rows.append(["chance", *_rank_cells(section.chance()), even, *[even if section.absent else nothing] * 2])
    if section.with_others:
        columns.insert(2, "R@1 of others %")
        others = [*map(section.ranks_of_others, METHODS), section.chance_of_others()]
        for row, figures in zip(rows, others, strict=True):
            row.insert(2, percent(figures.recall_at_1))
    return Table(tuple(columns), [tuple(row) for row in rows], left=(corner,))


def by_level(section: Section) -> Table:
    """One row per level of regions."""
    corner = f"regions, by {SHOWN[section.by]}"
    columns = (corner, "AP25 %", "AP50 %", "first hit IoU %", "mask IoU %", "possible IoU %", "prob. AUROC %")
    rows = []
    for level in reversed(LEVELS):
        figures = section.regions(level)
        cells = (figures.ap25, figures.ap50, figures.hit_iou, figures.mask_iou, figures.best_iou)
        rows.append((_LEVEL_NAMES[level], *map(percent, cells), percent(section.probability_auroc(level))))
    return Table(columns, rows, left=(corner,))


def by_size(section: Section) -> Table:
    """R@1 of each method, and how well objects are found, by the points of what is asked for."""
    corner = f"R@1 %, by {SHOWN[section.by]}"
    rows: list[Row] = []
    for name, least, most in SIZES:
        part = section.of_size(least, most)
        objects = part.regions("object")
        recalls = (percent(part.ranks(method).recall_at_1) for method in METHODS)
        rows.append((f"{name} points", str(len(part.here)), *recalls, percent(objects.ap25), percent(objects.mask_iou)))
    return Table((corner, "asked", *METHODS, "AP25 %", "mask IoU %"), rows, left=(corner,))


def by_question(section: Section) -> Table:
    """Where each question finds its first scene; the smallest things come first."""
    corner = f"ranks, by {SHOWN[section.by]}"
    rows = [
        (each.question.text, str(int(each.holds.sum())), f"{each.points:,}",
         *(str(each.rank(method)) for method in METHODS), percent(each.regions["object"].ap[0]),
         percent(each.regions["object"].mask_iou))
        for each in sorted(section.here, key=lambda each: (each.points, each.question.text))
    ]  # fmt: skip
    return Table((corner, "scenes", "points", *METHODS, "AP25 %", "mask IoU %"), rows, left=(corner,))


def _rank_cells(figures: RankFigures) -> Row:
    median = "–" if math.isnan(figures.median_rank) else f"{figures.median_rank:g}"
    return percent(figures.recall_at_1), percent(figures.recall_at_5), percent(figures.mrr), median
