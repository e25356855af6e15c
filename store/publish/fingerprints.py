"""Which files a scene was read from, and the maps of a feature set, so that changed and exchanged ones are noticed."""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select

from ..postgres.schema import fingerprints as table


class Mark(NamedTuple):
    """One file, as it was."""

    size: int
    modified: int  # nanoseconds; also after a copy that keeps times
    changed: int  # nanoseconds; the system's own, which no program sets back
    digest: str  # of its head and tail; "" for an image that no frame uses


@dataclass(frozen=True)
class Fingerprint:
    """The files behind a scene or feature set."""

    root: str  # the folder that a person named
    place: str  # that of the scene, or its one file
    files: Mapping[str, Mark]  # by path from the place


def keep(
    connection: Connection, fingerprint: Fingerprint, *, scene_id: int | None = None, feature_set_id: int | None = None
) -> None:
    """In place of the one before."""
    owner = {"scene_id": scene_id, "feature_set_id": feature_set_id}
    [(column, id)] = [(name, id) for name, id in owner.items() if id is not None]
    connection.execute(delete(table).where(table.c[column] == id))
    files = zlib.compress(json.dumps(fingerprint.files).encode())
    values = {"root": fingerprint.root, "place": fingerprint.place, "files": files}
    connection.execute(insert(table).values(owner | values))


def find(
    connection: Connection, *, scene_id: int | None = None, feature_set_id: int | None = None
) -> Fingerprint | None:
    """None for what was taken in before files were remembered."""
    condition = table.c.scene_id == scene_id if scene_id is not None else table.c.feature_set_id == feature_set_id
    row = connection.execute(select(table).where(condition)).one_or_none()
    if row is None:
        return None
    files = json.loads(zlib.decompress(row.files))
    return Fingerprint(row.root, row.place, {name: Mark(*mark) for name, mark in files.items()})
