"""What a statement returns: columns, and rows that come in blocks, so that no answer has to fit into memory."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..core.errors import BadInput

BLOCK_ROWS = 1_000

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Limits:
    """What one statement may take."""

    seconds: int = 300
    rows: int = 1_000_000  # that are kept in memory at once; written to a file, there may be any number
    megabytes: int = 256  # the same for their size, by a rough count
    engine_megabytes: int = 4 << 10  # of memory that DuckDB may take on the way

    def require(self, rows: int, size: int) -> None:
        """BadInput for more rows, or bytes, than are kept in memory."""
        if rows > self.rows or size > self.megabytes << 20:
            what = f"{self.rows:,} rows" if rows > self.rows else f"{self.megabytes} MB"
            raise BadInput(
                f"The statement returns more than {what}, the most that is kept in memory: add a LIMIT, or write "
                "the rows to a file (ovstore sql --out rows.parquet)."
            )


@dataclass(frozen=True)
class Rows:
    """What a statement returned, in memory."""

    columns: tuple[str, ...]
    rows: list[Row]


@dataclass(frozen=True)
class Streamed:
    """What a statement returns, block by block."""

    columns: tuple[str, ...]
    blocks: Iterator[list[Row]]

    def collected(self, limits: Limits) -> Rows:
        """All rows; BadInput where they are more than the limits allow."""
        rows: list[Row] = []
        size = 0
        for block in self.blocks:
            rows += block
            size += sum(size_of(value) for row in block for value in row)
            limits.require(len(rows), size)
        return Rows(self.columns, rows)

    def as_dicts(self, limits: Limits) -> list[dict[str, Any]]:
        """All rows by column, as JSON can say them: None for nan and the infinities."""
        self.require_distinct_columns()
        rows = self.collected(limits).rows
        return [dict(zip(self.columns, map(_finite, row), strict=True)) for row in rows]

    def require_distinct_columns(self) -> None:
        """BadInput where two columns have one name, of which JSON and Parquet would keep one."""
        if len(set(self.columns)) < len(self.columns):
            raise BadInput(f"Two columns have the same name ({', '.join(self.columns)}): rename one with AS.")


def size_of(value: Any) -> int:
    """Bytes that a value takes, about."""
    if isinstance(value, str | bytes):
        return 50 + len(value)
    if isinstance(value, list | tuple):
        return 56 + sum(map(size_of, value))
    if isinstance(value, dict):
        return 64 + sum(size_of(key) + size_of(item) for key, item in value.items())
    return 32


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    return value
