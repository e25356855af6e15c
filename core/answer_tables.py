"""An answer as rows: for JSON, data frames and notebooks."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from .wording import counted, shown

if TYPE_CHECKING:
    from .features import Answer, Hit

_SHOWN = 50  # hits of a table for people


def document(answer: "Answer", masks: bool = False) -> dict[str, Any]:
    """Everything, as values that JSON has; with the rows of the points of each hit where `masks` are wanted."""
    return {
        "hits": [_hit(hit, masks) for hit in answer],
        "probably_here": answer.probably_here,
        "question": answer.question,
        "space": answer.space,
        "notes": list(answer.notes),
    }


def _hit(hit: "Hit", masks: bool) -> dict[str, Any]:
    """All its fields but what reads its points; its parts likewise."""
    values = {each.name: getattr(hit, each.name) for each in fields(hit) if each.name != "contents"}
    values |= {"oriented_box": asdict(hit.oriented_box), "evidence": [asdict(view) for view in hit.evidence]}
    values["landmarks"] = [
        {"relation": one.relation, "distance": one.distance, "hit": _hit(one.hit, masks)} for one in hit.landmarks
    ]
    values |= {"mask": hit.mask} if masks else {}
    return {"name": hit.full_name, **plain(values | {"parts": [_hit(part, masks) for part in hit.parts]})}


def columns(answer: "Answer") -> dict[str, list[Any]]:
    """One row per hit, best first: its names, how well it answers, where it is, and the frame that shows it best."""
    rows = [_row(hit) for hit in answer]
    names = _row_names()
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def html(answer: "Answer") -> str:
    """A table without scripts, styles or images; all text is escaped."""
    title = f"“{_text(answer.question)}” in {_text(answer.space)}"
    if answer.probably_here is False:
        title += " (probably not here)"
    heads = ("", "scene:region", "score", "probability", "centre (m)", "size (m)", "points", "seen in frames")
    lines = [_line("th", heads)]
    lines += [_line("td", _cells(rank, hit)) for rank, hit in enumerate(answer.hits[:_SHOWN], start=1)]
    left = len(answer) - _SHOWN
    more = f"<p>and {counted(left, 'more hit')}</p>" if left > 0 else ""
    notes = "".join(f"<p>{_text(note)}</p>" for note in answer.notes)
    return f"<p>{title}: {counted(len(answer), 'hit')}</p><table>{''.join(lines)}</table>{more}{notes}"


def _row_names() -> tuple[str, ...]:
    axes = ("x", "y", "z")
    return (
        "dataset", "scene", "region", "level", "score", "probability", "point_count", *axes,
        *(f"size_{axis}" for axis in axes), "frame", "image_path",
    )  # fmt: skip


def _row(hit: "Hit") -> tuple[Any, ...]:
    best = hit.evidence[0] if hit.evidence else None
    return (
        hit.dataset, hit.scene, hit.name, hit.level, hit.score, hit.probability, hit.point_count, *hit.centre,
        *_size(hit), None if best is None else best.frame, None if best is None else best.image_path,
    )  # fmt: skip


def _cells(rank: int, hit: "Hit") -> tuple[str, ...]:
    return (
        str(rank),
        hit.full_name,
        f"{hit.score:.3f}",
        "" if hit.probability is None else f"{hit.probability:.0%}",
        "{:.2f} {:.2f} {:.2f}".format(*hit.centre),
        "{:.2f} {:.2f} {:.2f}".format(*_size(hit)),
        f"{hit.point_count:,}",
        ", ".join(view.frame for view in hit.evidence),
    )


def _size(hit: "Hit") -> tuple[float, ...]:
    return tuple(high - low for low, high in zip(hit.box_min, hit.box_max, strict=True))


def _line(tag: str, cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{_text(cell)}</{tag}>' for cell in cells)}</tr>"


def _text(text: str) -> str:
    return escape(shown(text))


def plain(value: Any) -> Any:
    """Arrays as lists, however deep in dictionaries and sequences."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value
