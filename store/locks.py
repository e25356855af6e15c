"""Who waits for whom: advisory locks of the database, held by a transaction and dropped with it, however it ends."""

from sqlalchemy import Connection, text


def publishing(connection: Connection) -> None:
    """Held from before a file is written until the rows that name it are committed; any number at once."""
    connection.execute(text("SELECT pg_advisory_xact_lock_shared(hashtextextended('ovstore publishing', 0))"))


def removing(connection: Connection) -> None:
    """Waits until nobody publishes and keeps others from it: every file that no row names is then nobody's."""
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('ovstore publishing', 0))"))


def scene(connection: Connection, dataset: str, name: str) -> None:
    """One publisher of a scene at a time."""
    key = f"ovstore scene {dataset}/{name}"
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})


def region_ids(connection: Connection) -> None:
    """From here to the commit nobody else adds regions: their ids ascend in the order in which they become visible.

    Indexes are brought up to date from the last id they know.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('ovstore region ids', 0))"))
