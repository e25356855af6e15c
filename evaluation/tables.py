"""A report as text: rows for a terminal, Markdown, LaTeX."""

from .markup import Row, latex_table, markdown_table, markdown_text
from .report import Report, mean_of_scenes, percent, scene_means

CLASS_COLUMNS = ("id", "class", "IoU %", "acc. %", "points")
SCENE_COLUMNS = ("scene", "points", "classes", "mIoU %", "mAcc %", "fwIoU %")
_FIGURES = ("mIoU", "mAcc", "fwIoU")


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
    parts = [f"### {report.title}", markdown_table(tuple(report.means), [_figures(report)])]
    parts.append(markdown_table(CLASS_COLUMNS, class_rows(report), left=("class",)))
    if per_scene:
        parts.append(markdown_table(SCENE_COLUMNS, scene_rows(report), left=("scene",)))
    parts.append("\n".join(f"- {markdown_text(sentence)}" for sentence in report.sentences))
    return "\n\n".join(parts) + "\n"


def latex(report: Report, per_scene: bool = False) -> str:
    r"""Tabulars that need no package, and the protocol as comments."""
    parts = ["\n".join(f"% {line}" for line in (report.title, *report.sentences))]
    parts.append(latex_table(tuple(report.means), [_figures(report)], "r" * len(report.means)))
    parts.append(latex_table(CLASS_COLUMNS, class_rows(report), "rlrrr"))
    if per_scene:
        parts.append(latex_table(SCENE_COLUMNS, scene_rows(report), "lrrrrr"))
    return "\n\n".join(parts) + "\n"


def _figures(report: Report) -> Row:
    return tuple(percent(value) for value in report.means.values())
