"""Numpy columns in and out of Parquet: how bytes are laid out, not what they mean."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ...core.digests import json_digest
from ...core.errors import BadInput
from ...core.files import replacing
from ...core.wording import first_line

Columns = Mapping[str, NDArray[Any]]  # (n,) each, or (n, dim) float16 for vectors

_KEY = b"ovstore"  # file metadata: what kind of file this is, and what its columns cannot say


def write_columns(path: Path, kind: str, groups: Sequence[Columns], about: Mapping[str, Any]) -> None:
    """A file of one row group per item of `groups` (at least one; all with the same columns), whole or not at all.

    Vectors stay plain, which DuckDB and zero-copy readers need (byte-split float16 is read by neither); floats of
    geometry are byte-split and integers delta coded, which halves a correspondence file.
    """
    tables = [pa.table({name: _to_arrow(values) for name, values in columns.items()}) for columns in groups]
    said = {"kind": kind, **about, "columns": tables[0].column_names}
    schema = tables[0].schema.with_metadata({_KEY: json.dumps({**said, "digest": json_digest(said)})})
    encodings = {field.name: _encoding(field.type) for field in schema if not _is_vector(field.type)}
    layout = {"compression": "zstd", "compression_level": 1, "use_dictionary": False, "column_encoding": encodings}
    with (
        replacing(path, in_store=True) as part,
        pq.ParquetWriter(part, schema, write_page_checksum=True, **layout) as writer,
    ):
        for table in tables:
            writer.write_table(table, row_group_size=max(len(table), 1))


def slices(columns: Columns, rows: int) -> list[Columns]:
    """The columns cut into groups of at most `rows` rows; at least one group, which may be empty."""
    count = len(next(iter(columns.values())))
    cuts = range(0, max(count, 1), rows)
    return [{name: values[cut : cut + rows] for name, values in columns.items()} for cut in cuts]


@contextmanager
def opened(path: Path, kind: str) -> Iterator[tuple[pq.ParquetFile, dict[str, Any]]]:
    """A file of that kind and what its metadata says; missing, damaged or foreign files are one sentence."""
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            about = json.loads((file.metadata.metadata or {}).get(_KEY, b"{}"))
            if not isinstance(about, dict) or about.get("kind") != kind:
                found = about.get("kind", "no mark") if isinstance(about, dict) else "no mark"
                raise BadInput(f"{path} is not a {kind} file of a store (found: {found}).")
            if "digest" in about and not _as_written(file, about):
                raise BadInput(f"{path} is damaged (its footer has changed). `ovstore doctor` says what to do.")
            yield file, about
    except FileNotFoundError as error:
        raise BadInput(f"{path} is missing from the store. `ovstore doctor` says what to do.") from error
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        said = first_line(error).rstrip(".")
        raise BadInput(f"{path} is damaged ({said}). `ovstore doctor` says what to do.") from error


def _as_written(file: pq.ParquetFile, about: Mapping[str, Any]) -> bool:
    said = {name: value for name, value in about.items() if name != "digest"}
    return about["digest"] == json_digest(said) and file.schema_arrow.names == about.get("columns")


def to_numpy(table: pa.Table) -> dict[str, NDArray[Any]]:
    """The columns, read-only; vectors as (n, dim)."""
    return {name: _from_arrow(table.column(name)) for name in table.column_names}


def stack(columns: Columns, names: Sequence[str]) -> NDArray[Any] | None:
    """(n, len(names)), or None where the first is not there."""
    return np.stack([columns[name] for name in names], axis=1) if names[0] in columns else None


def _to_arrow(values: NDArray[Any]) -> pa.Array:
    if values.ndim == 1:
        return pa.array(np.ascontiguousarray(values))
    flat = np.ascontiguousarray(values).reshape(-1)
    return pa.FixedSizeListArray.from_arrays(pa.array(flat), values.shape[1])


def _from_arrow(column: pa.ChunkedArray) -> NDArray[Any]:
    if not _is_vector(column.type):
        return column.to_numpy()
    flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=True)
    return flat.reshape(-1, column.type.list_size)


def _is_vector(type_: pa.DataType) -> bool:
    return pa.types.is_fixed_size_list(type_)


def _encoding(type_: pa.DataType) -> str:
    if pa.types.is_floating(type_):
        return "BYTE_STREAM_SPLIT"
    return "DELTA_BINARY_PACKED" if type_.bit_width >= 32 else "PLAIN"
