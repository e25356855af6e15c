"""What the errors of a database mean in one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import DBAPIError, TimeoutError

from ...core.errors import BadInput, DatabaseError
from ...core.wording import first_line
from .pools import PoolLimits


@contextmanager
def sentences(where: str, limits: PoolLimits) -> Iterator[None]:
    """Say what a person can mend; every other error of the database is a bug and stays what it is."""
    try:
        yield
    except UnicodeEncodeError as error:
        raise BadInput(f"{str(error.object)[:300]} is not valid UTF-8, which the database needs.") from error
    except TimeoutError as error:
        raise DatabaseError(
            f"All {limits.connections} connections of this process to the database {where} were in use for "
            f"{limits.patience:g} s: end a transaction that is still open, or start fewer threads."
        ) from error
    except (DBAPIError, psycopg.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        said = first_line(cause or error)
        if isinstance(cause, psycopg.errors.DiskFull):
            raise DatabaseError(f"The disk of the database {where} is full: {said}.") from error
        if isinstance(cause, psycopg.DataError) and "NUL" in said:
            raise BadInput("The text contains a NUL character, which the database cannot store.") from error
        if isinstance(cause, psycopg.errors.DataCorrupted | psycopg.errors.IndexCorrupted):
            raise DatabaseError(
                f"The database {where} is damaged: {said}. Restore a backup, as docs/reliability.md says."
            ) from error
        if isinstance(cause, psycopg.errors.InsufficientPrivilege | psycopg.errors.ReadOnlySqlTransaction):
            raise DatabaseError(f"The database {where} reports: {said}.") from error
        if isinstance(cause, psycopg.OperationalError) and _is_lost(error, cause):
            raise DatabaseError(
                f"The connection to the database {where} was lost in the middle of a transaction, which was rolled "
                "back: try again."
            ) from error
        raise


def _is_lost(error: DBAPIError | psycopg.Error, cause: psycopg.OperationalError) -> bool:
    """Whether the connection broke, or the server ends it."""
    broken = isinstance(error, DBAPIError) and error.connection_invalidated
    return (
        broken
        or cause.sqlstate is None
        or isinstance(cause, psycopg.errors.AdminShutdown | psycopg.errors.CrashShutdown)
    )
