"""A graph inside PostgreSQL, one partial HNSW index a space and level; for those who search in SQL themselves.

The index is on the cast `embedding::halfvec(dim)` with space and level as literals: without the cast, or with bind
parameters, the planner cannot use it. PostgreSQL keeps it up to date by itself. A graph can miss everything for a
single sentence (`ovstore index check` says how good it is here), so nothing chooses it unless it is named.
"""

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from ....core.errors import BadInput
from ...postgres import locks
from ...postgres.database import Database
from .. import index_rows, region_vectors
from ..region_vectors import Found

NAME = "pgvector_hnsw"
LINKS = 16  # neighbours a node; more finds more and takes more memory
BUILD_CANDIDATES = 128  # looked at when a node is added; more makes a better graph, slower
SEARCH_CANDIDATES = 400  # looked at in a search, at least (pgvector's ef_search, at most 1000)
MAX_DIM = 4000  # of halfvec in an HNSW index


def build(store: Database, space_id: int, level: str) -> int:
    store.require_writable()
    table = region_vectors.current(store, space_id, level)
    if len(table) == 0:
        drop(store, space_id, level)
        return 0
    dim = table.vectors.shape[1]
    if dim > MAX_DIM:
        raise BadInput(
            f"pgvector's HNSW takes vectors of up to {MAX_DIM} numbers, but these have {dim}: use faiss or exact."
        )
    megabytes = min(4096, 64 + int(1.5 * len(table) * (2 * dim + 200) / 2**20))  # a graph that does not fit is slow
    with store.connect() as connection:
        locks.index(connection, _index(space_id, level))
        connection.execute(text(f"SET LOCAL maintenance_work_mem = '{megabytes}MB'"))
        connection.execute(text(f"DROP INDEX IF EXISTS {_index(space_id, level)}"))
        connection.execute(
            text(
                f"CREATE INDEX {_index(space_id, level)} ON regions USING hnsw (({_cast(dim)}) halfvec_cosine_ops) "
                f"WITH (m = {LINKS}, ef_construction = {BUILD_CANDIDATES}) WHERE {_belongs(space_id, level)}"
            )
        )
    options = {"m": LINKS, "ef_construction": BUILD_CANDIDATES, "ef_search": SEARCH_CANDIDATES}
    index_rows.record(store, NAME, space_id, level, len(table), int(table.ids.max(initial=0)), options)
    return len(table)


def search(
    store: Database,
    space_id: int,
    level: str,
    vector: NDArray[np.float32],
    count: int,
    region_ids: NDArray[np.int64] | None = None,
) -> Found:
    """Scores are taken again from the stored vectors.

    Exact are filtered searches, those that the graph cannot fill, and those of a table that is no larger than the
    candidates: a walk through the graph would look at all of it and could still miss what no link leads to.
    """
    table = region_vectors.current(store, space_id, level)
    if region_ids is not None or len(table) <= _candidates(count):
        return table.best(vector, count, region_ids)
    with store.connect() as connection:
        candidates = _walk(connection, space_id, level, vector, count)
    rows = table.rows_of(candidates)
    if len(rows) < min(count, len(table)):
        return table.best(vector, count)
    return table.best_of_rows(rows, vector, count)


def drop(store: Database, space_id: int, level: str) -> None:
    with store.connect() as connection:
        locks.index(connection, _index(space_id, level))
        connection.execute(text(f"DROP INDEX IF EXISTS {_index(space_id, level)}"))
    index_rows.forget(store, NAME, space_id, level)


def statement(space_id: int, level: str, vector: NDArray[np.float32], count: int) -> str:
    """The query as SQL, the nearest first; people may put it into their own."""
    numbers = ",".join(f"{value:.6g}" for value in vector.tolist())
    return (
        f"SELECT id FROM regions WHERE {_belongs(space_id, level)} "
        f"ORDER BY {_cast(len(vector))} <=> '[{numbers}]'::halfvec({len(vector)}) LIMIT {int(count)}"
    )


def _walk(
    connection: Connection, space_id: int, level: str, vector: NDArray[np.float32], count: int
) -> NDArray[np.int64]:
    connection.execute(text(f"SET LOCAL hnsw.ef_search = {_candidates(count)}"))
    connection.execute(text("SET LOCAL enable_sort = off"))  # prefer the graph wherever it exists
    found = connection.exec_driver_sql(statement(space_id, level, vector, count))
    return np.fromiter((row[0] for row in found), np.int64)


def _candidates(count: int) -> int:
    """How many a search looks at for so many hits."""
    return min(max(SEARCH_CANDIDATES, 2 * count), 1000)


def _index(space_id: int, level: str) -> str:
    return f"regions_hnsw_{int(space_id)}_{level}"


def _belongs(space_id: int, level: str) -> str:
    return f"embedding_space_id = {int(space_id)} AND level = '{level}'"


def _cast(dim: int) -> str:
    return f"(embedding::halfvec({dim}))"
