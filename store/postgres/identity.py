"""Which store a folder is, and which database belongs to it: the same id in STORE/store.json and in store_identity."""

import json
import os
import uuid
from pathlib import Path
from typing import Literal, get_args

from sqlalchemy import Connection, insert, select, text

from ...core.errors import BadInput, DatabaseError, NotFound
from ..files import places
from .schema import store_identity

Kind = Literal["embedded", "external"]
_FILE = "store.json"
_RESTORE = "`ovstore doctor --repair` rebuilds it for a store with an embedded database; otherwise restore a backup"


def is_store(folder: Path) -> bool:
    """Whether a store was made in this folder."""
    try:
        return (folder / _FILE).is_file()
    except PermissionError as error:
        raise _closed(folder) from error


def require_store(folder: Path) -> None:
    """Raise unless a store was made in this folder."""
    if not is_store(folder):
        if (folder / places.CLUSTER).is_dir():
            raise BadInput(f"{folder / _FILE} is missing: {_RESTORE}.")
        raise NotFound(
            f"There is no store in {folder}: create one with `ovstore ingest` (in Python ovstore.open(..., "
            "create=True)), or name another with --store or OVSTORE_HOME."
        )


def require_kind(folder: Path, kind: Kind) -> None:
    """Raise when the folder's rows are in the other kind of database: a store must not look empty by mistake."""
    made = _read(folder).get("database", kind)
    if made == kind:
        return
    if made == "external":
        raise DatabaseError(
            f"The database of the store {folder} is on an external server: set OVSTORE_DATABASE_URL to it."
        )
    raise DatabaseError(f"The store {folder} has its own embedded database: unset OVSTORE_DATABASE_URL.")


def settle(connection: Connection, folder: Path, kind: Kind) -> None:
    """Hold folder and database to the same id; a new pair gets one. The file is there before the row is committed."""
    found = connection.scalar(select(store_identity.c.id))
    if found is None:
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('ovstore identity', 0))"))
        found = connection.scalar(select(store_identity.c.id))
    noted = _read(folder).get("id")
    if found is None:
        if noted and _holds_files(folder):
            raise DatabaseError(
                f"{folder} contains the files of a store, but the database is empty: name the database of that store."
            )
        found = uuid.UUID(noted) if noted else uuid.uuid4()
        connection.execute(insert(store_identity).values(id=found))
    elif noted is None and kind == "external":
        raise DatabaseError(f"The database belongs to a store in another folder than {folder}: name that folder.")
    if noted is None:
        _write(folder, {"id": str(found), "database": kind})
    elif noted != str(found):
        if kind == "embedded":
            raise DatabaseError(f"{folder / _FILE} names another store than the database in it: {_RESTORE}.")
        raise DatabaseError(
            f"The database belongs to another store than the folder {folder}: name the right folder or database."
        )


def write_again(connection: Connection, folder: Path) -> bool:
    """Make STORE/store.json say what the row of the embedded database says; whether it said something else."""
    right = {"id": str(connection.scalar(select(store_identity.c.id))), "database": "embedded"}
    try:
        if _read(folder) == right:
            return False
    except BadInput:
        pass
    _write(folder, right)
    return True


def _holds_files(folder: Path) -> bool:
    return any(path.is_file() for name in places.PUBLISHED for path in (folder / name).rglob("*"))


def _read(folder: Path) -> dict[str, str]:
    try:
        content = json.loads((folder / _FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except PermissionError as error:
        raise _closed(folder) from error
    except (OSError, ValueError) as error:
        raise BadInput(f"{folder / _FILE} cannot be read ({error}): {_RESTORE}.") from error
    if not isinstance(content, dict) or content.get("database", "embedded") not in get_args(Kind):
        raise BadInput(f"{folder / _FILE} does not describe a store: {_RESTORE}.")
    return {str(key): str(value) for key, value in content.items()}


def _closed(folder: Path) -> BadInput:
    return BadInput(
        f"The store {folder} is closed to this user. Its owner opens a store to a group with: "
        "ovstore db access --shared GROUP"
    )


def _write(folder: Path, content: dict[str, str]) -> None:
    new = folder / f"{_FILE}.{uuid.uuid4().hex[:8]}"
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    new.replace(folder / _FILE)
