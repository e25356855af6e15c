"""Which indexes are built, over what, and how good they were when last measured: rows of the table `indexes`."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from ...core import block_digests
from ..postgres.database import Database
from ..postgres.schema import embedding_spaces, indexes
from .recall import Recall


@dataclass(frozen=True)
class IndexRow:
    """One built index."""

    name: str  # the plug-in
    space_id: int
    space: str
    level: str
    row_count: int  # regions it was built over
    last_region_id: int
    file: str | None  # relative to the store
    options: dict[str, Any]
    recall: dict[str, Any] | None  # the fields of Recall, when it was measured
    built_at: datetime


def record(
    store: Database,
    name: str,
    space_id: int,
    level: str,
    row_count: int,
    last_region_id: int,
    options: dict[str, Any],
    file: str | None = None,
) -> None:
    """Say that an index was built; what was known of an older one is forgotten."""
    key = {"name": name, "embedding_space_id": space_id, "level": level}
    values = {"row_count": row_count, "last_region_id": last_region_id, "options": options, "file": file}
    statement = insert(indexes).values(key | values)
    again = values | {"recall": None, "built_at": func.now()}
    with store.connect() as connection:
        connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=again))


def record_recall(store: Database, name: str, space_id: int, level: str, recall: Recall) -> None:
    """Keep a measurement beside the index; nothing happens when the index is not built."""
    with store.connect() as connection:
        connection.execute(update(indexes).where(*_is(name, space_id, level)).values(recall=asdict(recall)))


def forget(store: Database, name: str, space_id: int, level: str) -> None:
    """The index is gone."""
    with store.connect() as connection:
        connection.execute(delete(indexes).where(*_is(name, space_id, level)))


def find(store: Database, name: str, space_id: int, level: str) -> IndexRow | None:
    """The row of one index, None when it is not built."""
    return next((row for row in built(store, space_id, level) if row.name == name), None)


def is_sound(store: Database, row: IndexRow, whole: bool) -> bool:
    """Whether the index's file is there and is what was written: all of it, or a sample; see block_digests.py."""
    try:
        data = block_digests.mapped(store.file(str(row.file)))
    except OSError:
        return False
    digests = row.options.get("digests")  # None: built by an ovstore that took none
    return digests is None or block_digests.hold([(data, digests)], whole)


def built(store: Database, space_id: int | None = None, level: str | None = None) -> list[IndexRow]:
    """All built indexes, or those of a space and level; by space, level and name."""
    columns = (
        indexes.c.name, embedding_spaces.c.id, embedding_spaces.c.name, indexes.c.level, indexes.c.row_count,
        indexes.c.last_region_id, indexes.c.file, indexes.c.options, indexes.c.recall, indexes.c.built_at,
    )  # fmt: skip
    query = select(*columns).join_from(indexes, embedding_spaces)
    if space_id is not None:
        query = query.where(embedding_spaces.c.id == space_id)
    if level is not None:
        query = query.where(indexes.c.level == level)
    with store.connect() as connection:
        rows = connection.execute(query.order_by(embedding_spaces.c.id, indexes.c.level, indexes.c.name))
        return [IndexRow(*tuple(row)) for row in rows]


def _is(name: str, space_id: int, level: str):  # type: ignore[no-untyped-def]
    return indexes.c.name == name, indexes.c.embedding_space_id == space_id, indexes.c.level == level
