"""SQL over the store, read-only, in which `{text:a red chair}` and `{image:crop.jpg}` stand for vectors."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

from ..store import catalog
from ..store.database import Store
from ..store.errors import BadInput
from .question import target_of

TIMEOUT_SECONDS = 300
_PLACEHOLDER = re.compile(r"\{(text|image):([^{}]+)\}")


@dataclass(frozen=True)
class Rows:
    """What a statement returned."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def run(store: Store, statement: str, features: str | None = None) -> Rows:
    """Rows of one SELECT over the tables and views of PostgreSQL.

    The statement runs as a cursor in a read-only transaction: whatever is not a query, or more than one, is refused.
    """
    statement = _with_vectors(store, statement, features, lambda vector: f"'{_listed(vector)}'::halfvec({len(vector)})")
    with store.driver_connection(read_only=True) as driver:
        driver.execute(f"SET LOCAL statement_timeout = '{TIMEOUT_SECONDS}s'")
        try:
            with driver.cursor(name="ovstore_sql") as cursor:
                cursor.execute(statement.strip().rstrip(";").encode())
                columns = tuple(column.name for column in cursor.description or ())
                return Rows(columns, [tuple(map(_plain, row)) for row in cursor.fetchall()])
        except psycopg.Error as error:
            raise BadInput(_sentence(error)) from error


def run_on_files(store: Store, statement: str, features: str | None = None) -> Rows:
    """Rows of one SELECT of DuckDB over the Parquet files: the views points, correspondences and features."""
    import duckdb

    statement = _with_vectors(store, statement, features, lambda vector: f"{_listed(vector)}::FLOAT[{len(vector)}]")
    with duckdb.connect() as connection:
        for view, files in catalog.files(store, features).items():
            connection.execute(_view(view, files, store))
        # From here on only the store's own files can be reached; a SELECT only reads them.
        connection.execute(f"SET allowed_directories = [{_quoted(str(store.file('.')))}]")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        try:
            kinds = [found.type for found in connection.extract_statements(statement)]
            if kinds != [duckdb.StatementType.SELECT]:
                raise BadInput("Only one SELECT runs here, and nothing that writes.")
            result = connection.execute(statement)
        except duckdb.Error as error:
            raise BadInput(str(error).strip().splitlines()[0]) from error
        return Rows(tuple(column[0] for column in result.description), result.fetchall())


def _with_vectors(
    store: Store, statement: str, features: str | None, literal: Callable[[NDArray[np.float32]], str]
) -> str:
    """The statement with each placeholder replaced by its vector."""
    if not _PLACEHOLDER.search(statement):
        return statement
    encoder = target_of(store, features).encoder

    def vector(match: re.Match[str]) -> str:
        kind, what = match.group(1), match.group(2).strip()
        return literal(encoder.texts([what])[0] if kind == "text" else encoder.picture(Path(what)))

    return _PLACEHOLDER.sub(vector, statement)


def _listed(vector: NDArray[np.float32]) -> str:
    return "[" + ",".join(f"{value:.6g}" for value in vector.tolist()) + "]"


def _plain(value: Any) -> Any:
    """Vectors as lists of numbers; everything else as it is."""
    return value.to_list() if hasattr(value, "to_list") else value


def _view(name: str, files: list[tuple[str, str, Path]], store: Store) -> str:
    """A view over the files of many scenes that names the scene of each row."""
    if not files:
        return f"CREATE VIEW {name} AS SELECT NULL AS dataset, NULL AS scene WHERE false"
    parts = [
        f"SELECT {_quoted(dataset)} AS dataset, {_quoted(scene)} AS scene, * FROM read_parquet({_quoted(str(path))})"
        for dataset, scene, path in files
    ]
    return f"CREATE VIEW {name} AS " + " UNION ALL BY NAME ".join(parts)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _sentence(error: psycopg.Error) -> str:
    """What PostgreSQL says, in one line, with its hint."""
    message = (error.diag.message_primary or str(error)).strip()
    hint = error.diag.message_hint
    if isinstance(error, psycopg.errors.UndefinedTable):
        hint = "Tables made for people: scene_overview, region_overview; all others: ovstore db tables"
    if isinstance(error, psycopg.errors.SyntaxError):
        hint = hint or "Only one SELECT runs here, and nothing that writes."
    return f"{message}. {hint or ''}".strip()
