"""The rows of `ovstore sql` for people: a table where it fits the terminal, else a block of lines per row."""

import shutil
import sys
from collections.abc import Sequence

from ...core import environment
from ...core.wording import shown
from .._output.printing import print_table, say


def print_rows(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """As a table; where the columns cannot stand side by side, as a line per column, folded to the terminal's width.

    Without a terminal nothing is folded, unless COLUMNS says how wide the reader's is.
    """
    from rich.cells import cell_len

    cells = [["" if value is None else shown(_short(value)) for value in row] for row in rows]
    by_column = [[shown(name), *(row[number] for row in cells)] for number, name in enumerate(columns)]
    words = [max(cell_len(word) for text in column for word in text.split() or [""]) for column in by_column]
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() or environment.value("COLUMNS") else None
    if room is None or sum(words) + 2 * (len(words) - 1) <= room:
        print_table(columns, cells)
        return
    names = max(cell_len(shown(name)) for name in columns)
    for number, row in enumerate(cells, start=1):
        say(f"row {number}")
        for name, text in zip(columns, row, strict=True):
            head, *rest = _folded(text, max(20, room - names - 4))
            say(f"  {shown(name).ljust(names)}  {head}".rstrip(), *(" " * (names + 4) + line for line in rest))


def _folded(text: str, width: int) -> list[str]:
    from rich.cells import chop_cells

    return chop_cells(text, width) or [""]


def _short(value: object) -> str:
    """A cell for people: numbers to four digits, long lists by their first elements."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        inside = ", ".join(_short(item) for item in value[:3])
        return f"[{inside}]" if len(value) <= 3 else f"[{inside}, … {len(value)}]"
    return str(value)
