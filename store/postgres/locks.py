"""Who waits for whom: advisory locks of the database, held by a transaction and dropped with it, however it ends."""

from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from ...core.errors import DatabaseError


def publishing(connection: Connection) -> None:
    """Held from before a file is written until the rows that name it are committed; any number at once."""
    connection.execute(text("SELECT pg_advisory_xact_lock_shared(hashtextextended('ovstore publishing', 0))"))


def removing(connection: Connection, seconds: int = 60) -> None:
    """Waits until nobody publishes and keeps others from it: every file that no row names is then nobody's.

    DatabaseError when somebody publishes for longer than `seconds`.
    """
    connection.execute(text(f"SET LOCAL lock_timeout = '{seconds}s'"))
    try:
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('ovstore publishing', 0))"))
    except DBAPIError as error:
        if not isinstance(error.orig, LockNotAvailable):
            raise
        raise DatabaseError(
            f"A scene has been in the middle of being published for {seconds} seconds: try again later; `ovstore "
            "jobs` shows who is working on it."
        ) from error
    connection.execute(text("SET LOCAL lock_timeout = 0"))


def scene(connection: Connection, dataset: str, name: str) -> None:
    """One publisher of a scene at a time."""
    key = f"ovstore scene {dataset}/{name}"
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})


def starting(connection: Connection, dataset: str, name: str) -> None:
    """One at a time looks who works on a scene, and begins."""
    key = f"ovstore starting {dataset}/{name}"
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})


def region_ids(connection: Connection) -> None:
    """From here to the commit nobody else adds regions: their ids ascend in the order in which they become visible.

    Indexes are brought up to date from the last id they know.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('ovstore region ids', 0))"))


def index(connection: Connection, name: str) -> None:
    """One builder of an index of the database at a time."""
    connection.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": f"ovstore index {name}"}
    )
