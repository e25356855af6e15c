"""What commands print: lines and tables for people, JSON for programs."""

import json
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from ...core.wording import shown, shown_in_json


def say(*lines: str, err: bool = False) -> None:
    """Lines for people on stdout, or on stderr; what would move the cursor or hide text is escaped."""
    for line in lines or ("",):
        click.echo(shown(line), err=err)


def print_json(value: Any, path: str | None = None) -> None:
    """One JSON document on stdout, or in the file `path`."""
    unicode = path is not None or sys.stdout.encoding.lower().replace("-", "").startswith("utf")
    text = json.dumps(value, indent=2, ensure_ascii=not unicode, default=_json_value)
    text = shown_in_json(text) + "\n"
    if path is None:
        sys.stdout.write(text)
        return
    from ...core.files import replacing

    with replacing(Path(path)) as part:
        part.write_text(text, encoding="utf-8")


def _json_value(value: Any) -> Any:
    """Arrays as lists, SQL's exact numbers, dates and paths as text."""
    if isinstance(value, Decimal) and value.is_finite():
        return int(value) if value == value.to_integral_value() else float(value)
    return value.tolist() if hasattr(value, "tolist") else str(value)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], right: Sequence[str] = ()) -> None:
    """A plain table on stdout; columns named in `right` align right.

    On a terminal long cells are broken between words, never inside one; elsewhere nothing is broken. A cell may be a
    rich Text, which brings its own colours.
    """
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    columns, right = [shown(name) for name in columns], [shown(name) for name in right]
    cells = [
        [cell if isinstance(cell, Text) else Text("" if cell is None else shown(str(cell))) for cell in row]
        for row in rows
    ]
    by_column = [[name, *(row[number].plain for row in cells)] for number, name in enumerate(columns)]
    widths = [max(map(cell_len, column)) for column in by_column]
    if sys.stdout.isatty():
        words = [max(cell_len(word) for text in column for word in text.split() or [""]) for column in by_column]
        widths = _fitted(widths, words, Console().width)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, width in zip(columns, widths, strict=True):
        table.add_column(Text(name), justify="right" if name in right else "left", width=width, overflow="fold")
    for row in cells:
        table.add_row(*row)
    console = Console(width=sum(widths) + 2 * len(widths) + 1)
    with console.capture() as captured:
        console.print(table)
    sys.stdout.writelines(line.rstrip() + "\n" for line in captured.get().splitlines())


def _fitted(widths: list[int], least: list[int], room: int) -> list[int]:
    """The widest columns narrowed until all, two blanks apart, have room; as they are where that cannot be."""
    room -= 2 * (len(widths) - 1)
    if sum(least) > room:
        return widths
    widths = list(widths)
    while sum(widths) > room:
        widest = max((width, number) for number, width in enumerate(widths) if width > least[number])
        widths[widest[1]] -= 1
    return widths
