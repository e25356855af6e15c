"""The bytes that browsers draw a scene from, kept in the store: made at the first view, or where they are gone."""

import json
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import select

from ...core import file_locks
from ...core.errors import BadInput
from ...core.files import make_folder, remove, replacing
from ..files import display, parquet, places
from ..files.display import Chunk, Layout, Tile
from ..postgres import schema
from ..postgres.database import Database
from .catalog import SceneInfo
from .loading import read_what_is_named

_MAGIC = b"ovstore display\n"
_LENGTH = struct.Struct("<Q")


@dataclass(frozen=True)
class DisplayFile:
    """A file of which the bytes from `offset` on are for the wire."""

    path: Path
    offset: int
    size: int  # bytes from offset on


@dataclass(frozen=True)
class DisplayedPoints:
    """The points of a scene on the wire."""

    layout: Layout
    file: DisplayFile


def points(store: Database, scene: SceneInfo) -> DisplayedPoints:
    """Built where it is not there yet; others who want the same file wait."""
    path = _file(store, scene, "points")
    found = _read_points(path)
    if found is None:
        remove(path)
        _make(store, path, lambda part: _write_points(store, scene, part))
        found = _read_points(path)
    if found is None:
        raise BadInput(f"{path} cannot be read back: check the disk.")
    return found


def mesh(store: Database, scene: SceneInfo) -> DisplayFile | None:
    """None where the scene has no faces."""
    if not face_count(store, scene):
        return None
    path = _file(store, scene, "mesh")
    if not path.is_file():
        _make(store, path, lambda part: _write_mesh(store, scene, part))
    return DisplayFile(path, 0, path.stat().st_size)


def picture(store: Database, scene: SceneInfo, name: str, make: Callable[[], bytes]) -> bytes:
    """A picture of the scene, kept under a name."""
    path = _file(store, scene, name)
    with suppress(OSError):
        return path.read_bytes()
    made = make()
    _make(store, path, lambda part: part.write_bytes(made))
    return made


def face_count(store: Database, scene: SceneInfo) -> int:
    """How many triangles the mesh has; no row is read."""
    path = parquet.faces_path(store.file(scene.points_file))
    return parquet.face_count(path) if path.is_file() else 0


def _file(store: Database, scene: SceneInfo, what: str) -> Path:
    name = places.display(scene.content_digest, what, display.VERSION)
    return store.scratch / name if store.scratch else store.file(name)


def _make(store: Database, path: Path, write: Callable[[Path], object]) -> None:
    """Whole or not at all, by one process at a time; files of scenes that are gone are removed on the way."""
    make_folder(path.parent)
    with file_locks.locked(path.parent / ".lock", "another process prepares a scene for browsers"):
        if path.is_file():
            return
        _sweep(store, path.parent)
        with replacing(path, in_store=True) as part:
            write(part)


def _sweep(store: Database, folder: Path) -> None:
    with store.autocommit() as connection:
        held = set(connection.execute(select(schema.scenes.c.content_digest)).scalars())
    for path in folder.iterdir():
        if not path.name.startswith(".") and path.name.partition(".")[0] not in held:
            remove(path)


def _write_points(store: Database, scene: SceneInfo, part: Path) -> None:
    layout, packed = read_what_is_named(lambda: store.file(scene.points_file), display.build)
    head = json.dumps(asdict(layout), separators=(",", ":")).encode()
    with part.open("wb") as file:
        file.write(_MAGIC + _LENGTH.pack(len(head)) + head)
        file.write(packed)


def _read_points(path: Path) -> DisplayedPoints | None:
    """None where there is no such file, or one that is not whole."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                return None
            (length,) = _LENGTH.unpack(file.read(_LENGTH.size))
            if length > size:
                return None
            layout = _layout(json.loads(file.read(length)))
            offset = file.tell()
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        return None
    if size - offset != display.POINT_BYTES * layout.points:
        return None
    return DisplayedPoints(layout, DisplayFile(path, offset, size - offset))


def _layout(said: dict) -> Layout:  # type: ignore[type-arg]
    tiles = tuple(
        Tile(tuple(one["low"]), tuple(one["size"]), one["count"], tuple(one["superpoints"])) for one in said["tiles"]
    )
    return Layout(tuple(said["strides"]), tiles, tuple(Chunk(**one) for one in said["chunks"]), said["colours"])


def _write_mesh(store: Database, scene: SceneInfo, part: Path) -> None:
    part.write_bytes(read_what_is_named(lambda: store.file(scene.points_file), display.mesh))
