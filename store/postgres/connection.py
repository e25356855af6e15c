"""Connections to a PostgreSQL with pgvector, and what its refusals mean in one sentence."""

import re
import time
from typing import Any

import psycopg
from pgvector.psycopg import register_vector

from ...core.errors import DatabaseError
from ...core.wording import first_line
from . import pools
from .database_url import described, redacted

OLDEST_PGVECTOR = (0, 7)  # halfvec
_ITERATIVE_SCANS = (0, 8)


class ServerFull(DatabaseError):
    """The server has as many clients as it takes."""


def connect(conninfo: str, patience: float = pools.USUAL.server_patience, **options: Any) -> psycopg.Connection[Any]:
    """A plain connection, waited for while the server is full; DatabaseError says what stands in the way."""
    deadline, pause = time.monotonic() + patience, 0.005
    while True:
        try:
            return _connect(conninfo, **options)
        except ServerFull:
            if time.monotonic() > deadline:
                raise
            pools.give_back()
            time.sleep(pause)
            pause = min(2 * pause, 0.2)


def _connect(conninfo: str, **options: Any) -> psycopg.Connection[Any]:
    try:
        return psycopg.connect(conninfo, **options)
    except psycopg.OperationalError as error:
        said = redacted(_last_cause(error), conninfo)
        if re.search(r"too many (clients|connections)|connection slots are reserved", said):
            raise ServerFull(
                f"The server of the database {described(conninfo)} is full ({said}): close other programs that use "
                "it, or raise max_connections there."
            ) from error
        raise DatabaseError(_refusal(conninfo, said)) from error


def prepared(conninfo: str, patience: float = pools.USUAL.server_patience, **options: Any) -> psycopg.Connection[Any]:
    """A connection that knows vectors."""
    connection = connect(conninfo, patience, **options)
    try:
        prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def prepare(connection: psycopg.Connection[Any]) -> None:
    """Teach a new connection vectors, and to keep looking in an index until a filter has enough rows."""
    version = installed_pgvector(connection)
    if version is None:
        return
    register_vector(connection)
    if version >= _ITERATIVE_SCANS:
        connection.execute("SET hnsw.iterative_scan = relaxed_order")
    connection.commit()


def installed_pgvector(connection: psycopg.Connection[Any]) -> tuple[int, ...] | None:
    """The version of the extension in this database."""
    row = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchone()
    return _version(row[0]) if row else None


def require_pgvector(connection: psycopg.Connection[Any], where: str) -> None:
    """Raise unless the database has pgvector >= 0.7, or its server offers it."""
    wanted = ".".join(map(str, OLDEST_PGVECTOR))
    installed = installed_pgvector(connection)
    row = connection.execute("SELECT default_version FROM pg_available_extensions WHERE name = 'vector'").fetchone()
    offered = _version(row[0]) if row else None
    if installed is None and offered is None:
        raise DatabaseError(
            f"The server of {where} has no pgvector: install version {wanted} or newer there "
            "(Debian and Ubuntu: postgresql-NN-pgvector), or unset OVSTORE_DATABASE_URL to use the embedded database."
        )
    if row and offered and not installed and offered < OLDEST_PGVECTOR:
        raise DatabaseError(
            f"The server of {where} has pgvector {row[0]}, but {wanted} or newer is needed: update it there."
        )
    if installed is not None and installed < OLDEST_PGVECTOR:
        found = ".".join(map(str, installed))
        mend = "run ALTER EXTENSION vector UPDATE there" if (offered or ()) >= OLDEST_PGVECTOR else "update it there"
        raise DatabaseError(f"{where} has pgvector {found}, but {wanted} or newer is needed: {mend}.")


def _refusal(conninfo: str, said: str) -> str:
    where = described(conninfo)
    if "authentication failed" in said or "no password supplied" in said:
        return f"{where} rejects the password: check OVSTORE_DATABASE_URL."
    if "database" in said and "does not exist" in said:
        return f"The server of {where} has no such database: create it there (createdb), or check OVSTORE_DATABASE_URL."
    return f"Cannot reach the database {where}: {said}."


def _last_cause(error: Exception) -> str:
    """The last cause libpq names, without its preamble and full stop."""
    return re.sub(r"^(.*FATAL:\s+|.*failed: )", "", first_line(error)).rstrip(".")


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])
