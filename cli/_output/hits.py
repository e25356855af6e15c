"""The hits of a search as a terminal has room for them: a line each, or two."""

import sys
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from ...core.wording import counted
from .._output.printing import print_table, say

if TYPE_CHECKING:
    from ...core.features import Answer, Evidence, Hit

_COLUMNS = ("", "scene:region", "score", "prob.", "centre (m)", "size (m)", "points", "seen in frame [box]")
_RIGHT = ("", "score", "prob.", "points")
_VIEWS = 2  # frames named of each hit
_PARTS = 3  # parts listed of each hit


def print_answer(answer: "Answer", ambiguous: Collection[str] = ()) -> None:
    """Hits, best first, and whether what was asked for is probably not there; `ambiguous` scenes with their dataset.

    Notes go to stderr: a pipe gets the hits.
    """
    _print_hits(answer, ambiguous)
    for note in answer.notes:
        say(f"Note: {note}", err=True)


def _why_none(answer: "Answer") -> str:
    if answer.query is not None and answer.query.min_probability is not None:
        return f"No hits: nothing is found with a probability of at least {answer.query.min_probability:g}."
    return "No hits: nothing passes the filters."


def _print_hits(answer: "Answer", ambiguous: Collection[str]) -> None:
    if not answer:
        say(_why_none(answer))
        return
    if answer.probably_here is False:
        say(f"Probably not here: nothing fits “{answer.question}” clearly better than everyday things do. Nearest:")
    rows = [_cells(str(rank), _name(hit, ambiguous), hit) for rank, hit in enumerate(answer, start=1)]
    table = [line for hit, row in zip(answer, rows, strict=True) for line in (row, *_part_rows(hit))]
    if not sys.stdout.isatty():
        print_table(_COLUMNS, table, right=_RIGHT)
        return
    from rich.console import Console

    width = Console().width
    if _widest(_aligned([_COLUMNS, *table])) <= width:
        print_table(_COLUMNS, table, right=_RIGHT)
    else:
        _print_in_two_lines(answer, rows, width)


def _print_in_two_lines(answer: "Answer", rows: "list[tuple[str, ...]]", width: int) -> None:
    """What places a hit, and below it how large it is and who sees it; what has no room moves down or is counted."""
    first = _aligned([(*_COLUMNS[:6],), *(row[:6] for row in rows)])
    moved: slice = slice(6, 6)
    if _widest(first) > width:  # a long name
        moved = slice(4, 6)
        first = _aligned([_COLUMNS[:4], *(row[:4] for row in rows)])
    indent = " " * (len(rows[-1][0]) + 2)
    say(first[0], f"{indent}{''.join(name + ', ' for name in _COLUMNS[moved])}points, seen in frame [box]")
    digits = max(len(row[6]) for row in rows)
    for hit, row, line in zip(answer, rows, first[1:], strict=True):
        below = indent + "  ".join((*row[moved], f"{row[6]:>{digits}} points"))
        say(line, f"{below}  {_views(hit.evidence, width - len(below) - 2)}".rstrip())
        if hit.parts:
            say(f"{indent}with {_parts(hit, width - len(indent) - 5)}")


def _name(hit: "Hit", ambiguous: Collection[str]) -> str:
    return hit.full_name if hit.scene in ambiguous else f"{hit.scene}:{hit.name}"


def _part_rows(hit: "Hit") -> "list[tuple[str, ...]]":
    """The parts of a hit as rows below it; those that are many are counted."""
    rows = [_cells("", f"  + {part.name}", part) for part in hit.parts[:_PARTS]]
    more = len(hit.parts) - len(rows)
    return [*rows, ("", f"  + {counted(more, 'more part')}", *[""] * (len(_COLUMNS) - 2))] if more else rows


def _parts(hit: "Hit", room: int) -> str:
    """The first parts with their scores, as many as there is room for, and how many more there are."""
    for listed in range(min(_PARTS, len(hit.parts)), -1, -1):
        named = [f"{part.name} {part.score:.3f}" for part in hit.parts[:listed]]
        more = len(hit.parts) - listed
        text = "  ".join([*named, *([f"+{more}"] if more and listed else [])])
        if listed and len(text) <= room:
            return text
    return counted(len(hit.parts), "part")


def _cells(rank: str, name: str, hit: "Hit") -> tuple[str, ...]:
    return (
        rank,
        name,
        f"{hit.score:.3f}",
        "" if hit.probability is None else f"{hit.probability:.0%}",
        "{:.2f} {:.2f} {:.2f}".format(*hit.centre),
        "{:.2f} {:.2f} {:.2f}".format(*(high - low for low, high in zip(hit.box_min, hit.box_max, strict=True))),
        f"{hit.point_count:,}",
        _views(hit.evidence),
    )


def _views(evidence: "Sequence[Evidence]", room: int | None = None) -> str:
    """The first frames with their boxes, as many as `room` has characters for, and how many more there are."""
    for shown in range(min(_VIEWS, len(evidence)), -1, -1):
        named = [f"{view.frame} [{','.join(f'{value:.0f}' for value in view.box_xyxy)}]" for view in evidence[:shown]]
        more = len(evidence) - shown
        text = "  ".join([*named, *([f"+{more}" if shown else f"{more} frames"] if more else [])])
        if room is None or len(text) <= room:
            return text
    return ""


def _aligned(rows: "list[tuple[str, ...]]") -> list[str]:
    """Each row as a line, its cells padded to their columns."""
    widths = [_widest(column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            _padded(cell, width, name in _RIGHT) for name, cell, width in zip(_COLUMNS, row, widths, strict=False)
        ).rstrip()
        for row in rows
    ]


def _padded(cell: str, width: int, right: bool) -> str:
    blanks = " " * (width - _widest([cell]))
    return blanks + cell if right else cell + blanks


def _widest(lines: "Sequence[str]") -> int:
    """Columns of a terminal; Chinese characters take two."""
    from rich.cells import cell_len

    return max(map(cell_len, lines))
