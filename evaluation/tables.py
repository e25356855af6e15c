"""A report as text: rows for a terminal, Markdown, LaTeX."""

import re
from collections.abc import Sequence

from .report import Report, mean_of_scenes, percent, scene_means

Row = tuple[str, ...]
CLASS_COLUMNS = ("id", "class", "IoU %", "acc. %", "points")
SCENE_COLUMNS = ("scene", "points", "classes", "mIoU %", "mAcc %", "fwIoU %")
_FIGURES = ("mIoU", "mAcc", "fwIoU")
_LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "–": "--"}


def class_rows(report: Report) -> list[Row]:
    """A row a class in CLASS_COLUMNS, percentages with one decimal; a dash where a class does not occur."""
    scores = report.scores
    return [
        (str(each.id), each.name, percent(iou), percent(accuracy), f"{points:,}")
        for each, iou, accuracy, points in zip(
            report.label_set.classes, scores.iou, scores.accuracy, scores.points, strict=True
        )
    ]


def scene_rows(report: Report) -> list[Row]:
    """A row a scene in SCENE_COLUMNS, and their mean."""
    rows = [
        (
            scene.name, f"{scene.counts.sum():,}", str(int((scene.counts.sum(axis=1) > 0).sum())),
            *(percent(scene_means(report, scene)[name]) for name in _FIGURES),
        )
        for scene in report.scenes
    ]  # fmt: skip
    return [*rows, ("mean of scenes", "", "", *(percent(mean_of_scenes(report)[name]) for name in _FIGURES))]


def markdown(report: Report, per_scene: bool = False) -> str:
    """A whole section."""
    parts = [f"### {report.title}", _markdown_table(tuple(report.means), [_figures(report)])]
    parts.append(_markdown_table(CLASS_COLUMNS, class_rows(report), left=("class",)))
    if per_scene:
        parts.append(_markdown_table(SCENE_COLUMNS, scene_rows(report), left=("scene",)))
    parts.append("\n".join(f"- {_markdown_text(sentence)}" for sentence in report.sentences))
    return "\n\n".join(parts) + "\n"


def latex(report: Report, per_scene: bool = False) -> str:
    r"""Tabulars that need no package, and the protocol as comments."""
    parts = ["\n".join(f"% {line}" for line in (report.title, *report.sentences))]
    parts.append(_latex_table(tuple(report.means), [_figures(report)], "r" * len(report.means)))
    parts.append(_latex_table(CLASS_COLUMNS, class_rows(report), "rlrrr"))
    if per_scene:
        parts.append(_latex_table(SCENE_COLUMNS, scene_rows(report), "lrrrrr"))
    return "\n\n".join(parts) + "\n"


def _figures(report: Report) -> Row:
    return tuple(percent(value) for value in report.means.values())


def _markdown_table(columns: Sequence[str], rows: Sequence[Row], left: Sequence[str] = ()) -> str:
    rule = [":--" if column in left else "--:" for column in columns]
    cells = [columns, rule, *([_markdown_text(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def _markdown_text(text: str) -> str:
    return re.sub(r"([\\|*_`<\[])", r"\\\1", text)


def _latex_table(columns: Sequence[str], rows: Sequence[Row], alignment: str) -> str:
    body = [" & ".join(map(_latex_text, row)) + r" \\" for row in (columns, *rows)]
    return "\n".join([
        rf"\begin{{tabular}}{{{alignment}}}", r"\hline", body[0], r"\hline", *body[1:], r"\hline", r"\end{tabular}",
    ])  # fmt: skip


def _latex_text(text: str) -> str:
    return re.sub(r"[\\~^–&%$#_{}]", lambda found: _LATEX.get(found[0], "\\" + found[0]), text)
