"""Rows for other programs: CSV and Parquet files, written as they come, and Arrow tables in memory."""

import csv
import io
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..core.errors import BadInput
from ..core.files import replacing
from ..core.wording import shown
from .rows import Limits, Row, Rows, Streamed

_FORMULA = re.compile(r"[=+\-@\t\r]")  # what makes a spreadsheet compute a cell instead of showing it
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def write(result: Streamed, kind: str, path: str | None, *, spreadsheet: bool = False) -> int:
    """As "csv" or "parquet" to `path`, or to stdout without one; a file appears whole or not at all.

    In CSV for a `spreadsheet`, text that it would run as a formula begins with an apostrophe; numbers stay numbers.
    Returns how many cells were changed so.
    """
    if kind == "parquet":
        result.require_distinct_columns()
    if path is None:
        return _write_csv(result, sys.stdout, spreadsheet, escaped=sys.stdout.isatty())
    with replacing(Path(path)) as part:
        if kind == "csv":
            with part.open("w", newline="", encoding="utf-8") as stream:
                return _write_csv(result, stream, spreadsheet)
        try:
            _write_parquet(result, part)
        except pa.ArrowException as error:
            raise BadInput(f"These rows do not fit a Parquet file: {error}") from error
    return 0


def arrow_table(result: Streamed, limits: Limits) -> pa.Table:
    """All rows in memory; BadInput where they are more than the limits allow."""
    blocks: list[pa.Table] = []
    rows = size = 0
    try:
        for block in result.blocks:
            table = _arrow_block(result.columns, block)
            blocks.append(table)
            rows, size = rows + len(table), size + table.nbytes
            limits.require(rows, size)
        if not blocks:
            return _arrow_block(result.columns, [])
        return pa.concat_tables(blocks, promote_options="permissive")
    except pa.ArrowException as error:
        raise BadInput(f"These rows do not fit an Arrow table: {error}") from error


def csv_text(rows: Rows) -> str:
    """The rows for a spreadsheet, in memory: text that it would run as a formula begins with an apostrophe."""
    stream = io.StringIO()
    _write_csv(Streamed(rows.columns, iter([rows.rows])), stream, spreadsheet=True)
    return stream.getvalue()


def arrow_bytes(rows: Rows) -> bytes:
    """The rows as an Arrow IPC stream, in memory."""
    table = arrow_table(Streamed(rows.columns, iter([rows.rows])), Limits(rows=len(rows.rows) + 1))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _arrow_block(columns: Sequence[str], block: Sequence[Row]) -> pa.Table:
    values = list(zip(*block, strict=True)) or [()] * len(columns)
    return pa.Table.from_arrays([pa.array(list(column)) for column in values], names=list(columns))


def _write_csv(result: Streamed, stream: IO[str], spreadsheet: bool, escaped: bool = False) -> int:
    writer = csv.writer(stream, lineterminator="\n")
    quoting = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL)  # before Python 3.13, \r goes unquoted
    defused = 0
    for block in _with_head(result):
        for row in block:
            cells: list[Any] = [shown(cell) if escaped and isinstance(cell, str) else cell for cell in row]
            runs = [number for number, cell in enumerate(cells) if spreadsheet and _is_formula(cell)]
            for number in runs:
                cells[number] = f"'{cells[number]}"
            defused += len(runs)
            returns = any(isinstance(cell, str) and "\r" in cell for cell in cells)
            (quoting if returns else writer).writerow(cells)
    return defused


def _is_formula(cell: Any) -> bool:
    return isinstance(cell, str) and bool(_FORMULA.match(cell)) and not _NUMBER.fullmatch(cell)


def _with_head(result: Streamed) -> Iterator[Iterable[Row]]:
    yield [result.columns]
    yield from result.blocks


def _write_parquet(result: Streamed, path: Path) -> None:
    """In two passes over a copy on the disk: what type a column has is known when its last row has been seen."""
    with tempfile.TemporaryFile(dir=path.parent) as copy:
        schema = pa.schema([(name, pa.null()) for name in result.columns])
        starts = []
        for block in result.blocks:
            table = _arrow_block(result.columns, block)
            schema = pa.unify_schemas([schema, table.schema], promote_options="permissive")
            starts.append(copy.tell())
            with pa.ipc.new_stream(copy, table.schema) as writer:
                writer.write_table(table)
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            for start in starts:
                copy.seek(start)
                with pa.ipc.open_stream(copy) as reader:
                    writer.write_table(reader.read_all().cast(schema))
