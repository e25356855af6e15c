"""Many rows at once, by binary COPY, inside the transaction of a connection."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector
from sqlalchemy import ARRAY, REAL, BigInteger, Connection, Double, Integer, SmallInteger, Table, Text
from sqlalchemy.types import TypeEngine

_NAMES: dict[type[TypeEngine[Any]], str] = {
    BigInteger: "int8", Integer: "int4", SmallInteger: "int2", Double: "float8", REAL: "float4", Text: "text",
}  # fmt: skip


def copy_rows(connection: Connection, table: Table, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Append rows of plain Python values (lists for arrays, `half(...)` for vectors) to `table`."""
    driver = connection.connection.driver_connection
    assert driver is not None
    with driver.cursor() as cursor:
        statement = f"COPY {table.name} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"
        with cursor.copy(statement) as copy:
            copy.set_types([_type_name(table.c[column].type) for column in columns])
            for row in rows:
                copy.write_row(row)


def half(vector: NDArray[np.floating]) -> HalfVector:
    """A vector for a halfvec column."""
    return HalfVector(np.asarray(vector, np.float16))


def numbers(values: Any) -> list[float]:
    """An array of any shape as one flat list, row by row, for a float column."""
    return [float(value) for value in np.asarray(values, np.float64).reshape(-1)]


def _type_name(type_: TypeEngine[Any]) -> str:
    if isinstance(type_, ARRAY):
        return f"{_type_name(type_.item_type)}[]"
    return next((name for kind, name in _NAMES.items() if type(type_) is kind), "halfvec")
