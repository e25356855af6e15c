"""PostgreSQL's tables and views in SQL: one SELECT, read through a cursor in blocks."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from ..core.errors import BadInput, DatabaseError
from ..store.postgres.database import Database
from .rows import BLOCK_ROWS, Limits, Row, Streamed, size_of

_BLOCK_BYTES = 8 << 20


@contextmanager
def streamed(store: Database, statement: str, limits: Limits) -> Iterator[Streamed]:
    """The rows of one SELECT over tables and views, read while the context is open.

    It runs as a cursor in a read-only transaction, as a role that may do nothing else: whatever is not a query, or more
    than one, is refused.
    """
    statement = statement.strip().rstrip(";")
    if "\0" in statement:  # the end, to the server: what follows would be ignored
        raise BadInput("The statement contains a NUL character.")
    try:
        query = statement.encode()
        with store.reading(statement, limits.seconds) as driver, driver.cursor(name="ovstore_sql") as cursor:
            cursor.execute(query)
            columns = tuple(column.name for column in cursor.description or ())
            yield Streamed(columns, _blocks(driver, cursor, limits.seconds))
    except UnicodeEncodeError as error:
        raise BadInput("The statement is not valid UTF-8.") from error
    except psycopg.errors.QueryCanceled as error:
        raise BadInput(f"The statement took over {limits.seconds} s: make it simpler.") from error
    except psycopg.Error as error:
        raise BadInput(_sentence(error)) from error
    except DatabaseError as error:
        if not isinstance(error.__cause__, psycopg.errors.InsufficientPrivilege):
            raise
        raise BadInput(f"{_sentence(error.__cause__)} docs/sql.md lists what can be read and called.") from error


def _blocks(driver: psycopg.Connection[Any], cursor: psycopg.ServerCursor[Any], seconds: float) -> Iterator[list[Row]]:
    """Blocks of about eight megabytes, for a row may be of a few bytes or of many; `seconds` are for all of them."""
    count = 1
    while True:
        driver.execute(f"SET LOCAL statement_timeout = {max(1, round(1000 * seconds))}")
        started = time.monotonic()
        rows = cursor.fetchmany(count)
        seconds -= time.monotonic() - started
        if not rows:
            return
        yield [tuple(map(_plain, row)) for row in rows]
        size = sum(size_of(value) for row in rows for value in row) // len(rows)
        count = max(1, min(BLOCK_ROWS, 4 * count, _BLOCK_BYTES // max(1, size)))


def _plain(value: Any) -> Any:
    """Vectors as lists of numbers; everything else as it is."""
    return value.to_list() if hasattr(value, "to_list") else value


def _sentence(error: psycopg.Error) -> str:
    """What PostgreSQL says, in one line, with its hint."""
    message = (error.diag.message_primary or str(error)).strip()
    hint = error.diag.message_hint
    if isinstance(error, psycopg.errors.UndefinedTable):
        hint = "Tables meant for people: scene_overview, region_overview; all others: ovstore db tables"
        if re.search('"(points|correspondences|features)"', message):
            hint = "It is a view of the Parquet files: ovstore sql --files"
    if isinstance(error, psycopg.errors.UndefinedColumn):
        hint = hint or "Text is written in 'single' quotes, names of columns without quotes or in \"double\" ones."
    if "different halfvec dimensions" in message:
        hint = "Vectors of two encoders: --features NAME chooses the words', WHERE feature_set = 'NAME' the rows'."
    if isinstance(error, psycopg.errors.OutOfMemory):
        hint = "The statement needs more memory than allowed: make it simpler."
    if isinstance(error, psycopg.errors.SyntaxError):
        hint = hint or "Only one SELECT runs here, and nothing that writes."
    return f"{message}. {hint or ''}".strip()
