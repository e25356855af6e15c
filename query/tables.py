"""Rows as files for other programs: CSV and Parquet."""

import csv
import io
import sys
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from ..store.errors import BadInput
from ..store.files import replacing
from .sql import Rows


def write(result: Rows, kind: str, path: str | None) -> None:
    """As "csv" or "parquet" to `path`, or to stdout without one; a file appears whole or not at all."""
    if path is None:
        _write_csv(result, sys.stdout)
        return
    try:
        with replacing(Path(path)) as part:
            if kind == "csv":
                with part.open("w", newline="", encoding="utf-8") as stream:
                    _write_csv(result, stream)
            else:
                columns = list(zip(*result.rows, strict=True)) or [()] * len(result.columns)
                table = pa.table({name: list(column) for name, column in zip(result.columns, columns, strict=True)})
                pq.write_table(table, part, compression="zstd")
    except pa.ArrowException as error:
        raise BadInput(f"These rows do not fit a Parquet file: {error}") from error


def _write_csv(result: Rows, stream: IO[str]) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(result.columns)
    writer.writerows(result.rows)
    stream.write(buffer.getvalue())
