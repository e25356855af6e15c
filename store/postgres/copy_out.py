"""Region vectors out of PostgreSQL by binary COPY: 30 times faster than rows that become Python objects."""

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from ...core.errors import DatabaseError

_HEADER_BYTES = 19  # signature, flags, and no extension
_TRAILER_BYTES = 2  # int16 -1


def read_regions(
    connection: Connection, feature_set: int, level: str, dim: int
) -> tuple[NDArray[np.int64], NDArray[np.float16]]:
    """(n,) ids, ascending, and (n, dim) vectors of one feature set's regions of a level."""
    own = f"feature_set_id = {int(feature_set)} AND level = '{level}'"
    return _read(connection, f"SELECT id, embedding FROM regions WHERE {own} ORDER BY id", feature_set, dim)


def read_crops(connection: Connection, feature_set: int, dim: int) -> tuple[NDArray[np.int64], NDArray[np.float16]]:
    """The same of its objects that have vectors from crops: (n,) ids, ascending, and (n, dim) these vectors."""
    joined = "region_crops JOIN regions ON regions.id = region_id"
    own = f"feature_set_id = {int(feature_set)}"
    statement = f"SELECT region_id, region_crops.embedding FROM {joined} WHERE {own} ORDER BY region_id"
    return _read(connection, statement, feature_set, dim)


def _read(
    connection: Connection, query: str, feature_set: int, dim: int
) -> tuple[NDArray[np.int64], NDArray[np.float16]]:
    driver = connection.connection.driver_connection
    assert driver is not None
    statement = f"COPY ({query}) TO STDOUT (FORMAT BINARY)"
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        data = b"".join(copy)
    rows = np.frombuffer(data, _row_type(dim), (len(data) - _HEADER_BYTES) // _row_type(dim).itemsize, _HEADER_BYTES)
    if len(rows) * rows.dtype.itemsize + _HEADER_BYTES + _TRAILER_BYTES != len(data) or (rows["dim"] != dim).any():
        raise DatabaseError(
            f"Feature set {feature_set} has region vectors whose length is not {dim}, as its embedding space "
            "requires. Ingest its scene again."
        )
    return rows["id"].astype(np.int64), rows["vector"].astype("<u2").view(np.float16)


def _row_type(dim: int) -> np.dtype:
    """One row as the server sends it, big-endian: (size, value) pairs; a halfvec is dim, 16 unused bits, halves."""
    return np.dtype(
        [
            ("fields", ">i2"), ("id_size", ">i4"), ("id", ">i8"),
            ("vector_size", ">i4"), ("dim", ">i2"), ("unused", ">i2"), ("vector", ">u2", (dim,)),
        ]
    )  # fmt: skip
