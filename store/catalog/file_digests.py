"""Whether the bytes of a scene's and a feature set's files are those that were written, and what was found last.

The content digests of contents.py say what a file holds; bytes that no reader of ours looks at, such as the statistics
that DuckDB skips rows by, are only in these.
"""

from collections.abc import Collection, Iterable
from pathlib import Path

from sqlalchemy import Connection, delete, func, insert, select, update

from ...core.digests import file_digest
from ..files import parquet
from ..postgres import schema
from ..postgres.database import Database

_CHANGED = "its bytes are not those that were written"


def of_scene(store: Database, points_file: str, correspondences_file: str) -> list[str]:
    """The names of a geometry's files, relative to the store; a mesh only where there is one."""
    faces = str(parquet.faces_path(Path(points_file)))
    return [points_file, *([faces] if store.file(faces).exists() else []), correspondences_file]


def note(
    connection: Connection,
    store: Database,
    names: Iterable[str],
    *,
    scene_id: int | None = None,
    feature_set_id: int | None = None,
) -> None:
    """Remember the bytes of files as they are now: all that a scene's geometry, or a feature set, has."""
    table = schema.files
    owner = {"scene_id": scene_id, "feature_set_id": feature_set_id}
    [(column, id)] = [(name, id) for name, id in owner.items() if id is not None]
    connection.execute(delete(table).where(table.c[column] == id))
    rows = [{"name": name, "digest": file_digest(store.file(name)), **owner} for name in names]
    connection.execute(insert(table), rows)


def examine(connection: Connection, store: Database, names: Iterable[str]) -> dict[str, str]:
    """What is wrong with the bytes of each of these files, as far as they were ever noted."""
    table = schema.files
    noted = connection.execute(select(table.c.name, table.c.digest).where(table.c.name.in_(list(names)))).all()
    found = {}
    for row in noted:
        try:
            if file_digest(store.file(row.name)) != row.digest:
                found[row.name] = _CHANGED
        except OSError as error:
            found[row.name] = f"it cannot be read ({error.strerror})"
    return found


def are_noted(connection: Connection, names: Collection[str]) -> bool:
    """Whether the bytes of all of these files are known."""
    query = select(func.count()).where(schema.files.c.name.in_(names))
    return connection.execute(query).scalar_one() == len(names)


def mark(connection: Connection, damage: dict[str, str | None]) -> None:
    """Remember what is wrong with files, None for those that are sound; files whose bytes are not known get nothing."""
    table = schema.files
    for name, problem in damage.items():
        changed = table.c.damage.is_distinct_from(problem)
        connection.execute(update(table).where(table.c.name == name, changed).values(damage=problem))


def damaged(connection: Connection) -> dict[str, str]:
    """The files, relative to the store, that were found damaged when they were last examined, and how."""
    table = schema.files
    rows = connection.execute(select(table.c.name, table.c.damage).where(table.c.damage.is_not(None)))
    return {row.name: row.damage for row in rows}
