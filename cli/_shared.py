"""What commands have in common: the store they work on, tables for people and JSON for programs."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..store.database import Store

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


@contextmanager
def opened_store(create: bool = False) -> "Iterator[Store]":
    """The store that --store names; unless `create`, a folder without a store is the person's mistake."""
    from ..store.database import open as open_store

    with open_store(click.get_current_context().find_root().obj, create=create) as store:
        yield store


def print_json(value: Any, path: str | None = None) -> None:
    """One JSON document on stdout, or in the file `path`."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=_json_value) + "\n"
    if path is None:
        sys.stdout.write(text)
    else:
        Path(path).write_text(text, encoding="utf-8")


def _json_value(value: Any) -> Any:
    """Arrays as lists, dates and paths as text."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], right: Sequence[str] = ()) -> None:
    """A plain table on stdout; columns named in `right` align right. Not cut to the terminal when piped."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    if sys.stdout.isatty():
        Console().print(table)
        return
    console = Console(width=10_000)
    with console.capture() as captured:
        console.print(table, soft_wrap=True)
    sys.stdout.writelines(line.rstrip() + "\n" for line in captured.get().splitlines())


def counted(number: int, noun: str) -> str:
    """A number with its noun: 1 scene, 2,000 scenes."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
