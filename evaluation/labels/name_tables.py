"""Tables of a dataset's own label names: those of `raw_names/`, and the dataset's as it publishes them."""

import csv
import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from ...core.budget import Budget
from ...core.errors import BadInput
from ...core.regular import require_file
from .label_set import IGNORED, LabelClass

Row = dict[str, str]
MAX_ROWS = 200_000
MAX_BYTES = 1 << 26


def shipped_table(name: str, columns: Sequence[str]) -> list[Row]:
    """The rows of `raw_names/NAME.json`, which has a part of the columns of the dataset's own table."""
    shipped = {file.name: file for file in files(__package__).joinpath("raw_names").iterdir()}
    if f"{name}.json" not in shipped:
        known = ", ".join(sorted(file.removesuffix(".json") for file in shipped))
        raise BadInput(f"There is no table {name!r} of label names; known: {known}.")
    body = json.loads(shipped[f"{name}.json"].read_text(encoding="utf-8"))
    _check_columns(f"The table {name!r}", body["columns"], columns)
    return [dict(zip(body["columns"], row, strict=True)) for row in body["rows"]]


def read_table(path: Path, columns: Sequence[str]) -> list[Row]:
    """The rows of a table in text, tabs between its columns; BadInput unless it has all of `columns`."""
    try:
        if (size := require_file(path)) > MAX_BYTES:
            raise BadInput(f"{path}: {size:,} bytes; a table of label names has at most {MAX_BYTES:,}.")
        Budget(path, MAX_ROWS).take_text(path.read_bytes())
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE, restval="")
            found, rows = list(reader.fieldnames or ()), list(reader)
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror or error}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{path} is not a text table with tabs between its columns: {error}.") from error
    _check_columns(str(path), found, columns)
    return rows


def _check_columns(where: str, found: Sequence[str], wanted: Sequence[str]) -> None:
    if missing := [column for column in wanted if column not in found]:
        raise BadInput(f"{where} has no column {missing[0]!r}; it has: {', '.join(found)[:200] or 'none'}.")


def raw_indices(rows: Sequence[Row], names: Sequence[str], value: str, classes: Sequence[LabelClass]) -> dict[str, int]:
    """Each label in the columns `names` -> the index of the class whose id or name column `value` holds, or IGNORED."""
    index = {key: i for i, each in enumerate(classes) for key in (str(each.id), each.name)}
    found: dict[str, int] = {}
    for column in names:
        for row in rows:
            if row[column]:
                found.setdefault(row[column], index.get(row[value], IGNORED))
    return found
