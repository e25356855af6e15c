"""What somebody reads for long stays readable: files that are replaced meanwhile go when the last reader is done.

A reader holds a lock of the database (presence.py), which ends with it, however it ends.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.postgresql import insert as insert_or_keep

from ...core.errors import DatabaseError
from ...core.files import remove
from ..postgres import presence
from ..postgres.database import Database
from ..postgres.schema import retired_files as table


@contextmanager
def reading(store: Database) -> Iterator[None]:
    """Files that the catalog names in the block can be read until its end, whoever replaces or forgets them."""
    store.presence.hold(presence.READING)
    try:
        yield
    finally:
        store.presence.release(presence.READING)
        if not store.read_only:
            with suppress(DatabaseError):  # the next who publishes does it
                sweep(store)


def retire(connection: Connection, files: Mapping[str, int | None]) -> None:
    """No row names these files, relative to the store, after the transaction; a scene's folder comes with its id."""
    for file, scene_id in files.items():
        connection.execute(insert_or_keep(table).values(file=file, scene_id=scene_id).on_conflict_do_nothing())


def sweep(store: Database) -> bool:
    """Remove retired files; False when somebody may be reading them, who does it in the end."""
    with store.connect() as connection:
        if not presence.alone(connection, presence.READING):
            return False
        for file in connection.execute(select(table.c.file)).scalars().all():
            remove(store.entry(file))
            connection.execute(delete(table).where(table.c.file == file))
    return True


def still_read(connection: Connection) -> list[str]:
    """Retired files that somebody may be reading."""
    if 0 not in presence.present(connection, presence.READING):
        return []
    return list(connection.execute(select(table.c.file)).scalars())


def replaced_scene(connection: Connection, scene_id: int) -> str | None:
    """The folder of a scene that was replaced or forgotten while somebody reads."""
    if 0 not in presence.present(connection, presence.READING):
        return None
    return connection.execute(select(table.c.file).where(table.c.scene_id == scene_id)).scalar()
