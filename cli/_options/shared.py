"""What commands have in common: the store they work on, tables for people and JSON for programs."""

import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...core.wording import shown, shown_in_json
from .named_store import store_folder

if TYPE_CHECKING:
    from ...store.postgres.database import Database


def say(*lines: str, err: bool = False) -> None:
    """Lines for people on stdout, or on stderr; what would move the cursor or hide text is escaped."""
    for line in lines or ("",):
        click.echo(shown(line), err=err)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


def typed_here(command: str) -> str:
    """An `ovstore ...` that can be typed as it stands: with the store, where it was named on the command line."""
    root = click.get_current_context().find_root()
    named = root.get_parameter_source("store_path") is click.core.ParameterSource.COMMANDLINE
    if not named or not command.startswith("ovstore "):
        return command
    return f"ovstore --store {shlex.quote(root.obj)} {command.removeprefix('ovstore ')}"


@contextmanager
def misuse() -> Iterator[None]:
    """Options that make no sense together end as click's usage errors do: exit code 2."""
    from ...core.errors import Misused

    try:
        yield
    except Misused as error:
        raise click.UsageError(str(error)) from error


@contextmanager
def opened_store(create: bool = False, reading: bool = False) -> "Iterator[Database]":
    """The store that --store names; unless `create`, a folder without a store is the person's mistake.

    With `reading`, what the catalog names stays readable until the end, whoever replaces it meanwhile.
    """
    from contextlib import nullcontext

    from ...store.catalog import leases
    from ...store.postgres.database import open as open_store
    from . import completion

    with open_store(store_folder(), create=create) as store, leases.reading(store) if reading else nullcontext():
        try:
            yield store
        except SystemExit:  # how commands that count failures end
            completion.note_names(store)
            raise
        completion.note_names(store)


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
