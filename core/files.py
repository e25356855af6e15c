"""Files that appear whole or not at all."""

import hashlib
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import BadInput
from .names import shortened

_PART = re.compile(r"\..+\.[0-9a-f]{8}\.part")  # of `replacing`


def unique_name(*words: str) -> str:
    """A file name no other publish will choose, that a person can still read: "scans-room_0-5f3a9c01d2e4"."""
    return f"{_readable(words)}-{secrets.token_hex(6)}"


def stable_name(*words: str) -> str:
    """A file name that is always the same for these words and differs for others."""
    return f"{_readable(words)}-{hashlib.sha256(chr(0).join(words).encode()).hexdigest()[:12]}"


def scene_file_name(dataset: str, scene: str, *words: str) -> str:
    """A unique name for a file of one scene, by which `written_for` tells whose it is."""
    return f"{_readable((dataset, scene, *words))}-{_scene_key(dataset, scene)}-{secrets.token_hex(6)}"


def written_for(folder: Path, dataset: str, scene: str) -> list[Path]:
    """What is in a folder under a `scene_file_name` of this scene."""
    key = _scene_key(dataset, scene)  # at the end: what comes before is people's words
    made = re.compile(rf".*-{key}-[0-9a-f]{{12}}(\.parquet)?|\..*-{key}-.*\.part")
    return sorted(path for path in folder.iterdir() if made.fullmatch(path.name)) if folder.is_dir() else []


def _scene_key(dataset: str, scene: str) -> str:
    return hashlib.sha256(chr(0).join((dataset, scene)).encode()).hexdigest()[:12]


def _readable(words: Iterable[str]) -> str:
    return "-".join(re.sub(r"[^A-Za-z0-9._]+", "_", word).strip("._") or "_" for word in words)[:80]


def permissions_inside(folder: Path) -> int:
    """The mode of a folder made in `folder`, or with `& 0o666` of a file: who may not list it gets no rights there."""
    mode = stat.S_IMODE(folder.stat().st_mode)
    group = mode & (stat.S_ISGID | stat.S_IRWXG) if mode & stat.S_IRGRP else 0
    others = mode & stat.S_IRWXO if mode & stat.S_IROTH else 0
    return stat.S_IRWXU | group | others


def make_folder(path: Path) -> None:
    """A folder inside a store, and its missing parents, for those who may list the folder it is made in."""
    if path.is_dir():
        return
    make_folder(path.parent)
    try:
        path.mkdir(mode=0o700)
        path.chmod(permissions_inside(path.parent))
    except FileExistsError:
        pass  # another process was quicker
    except OSError as error:
        raise BadInput(f"The folder {path} cannot be created: {error.strerror}.") from error


@contextmanager
def replacing(path: Path, *, in_store: bool = False) -> Iterator[Path]:
    """A temporary path beside `path`, to be written in the block.

    When the block ends well the file is flushed to disk and moved onto `path` in one step; otherwise it is removed.
    A missing folder, a full disk and the like are BadInput. A file `in_store` is for those who may list its folder, any
    other for those whom the umask lets.
    """
    if not in_store:  # whatever stands in the place of the store's own file is written over
        _require_replaceable(path)
    part = path.with_name(f".{shortened(path.name)}.{secrets.token_hex(4)}.part")
    try:
        try:
            yield part
            if in_store:
                part.chmod(permissions_inside(path.parent) & 0o666)
            flush(part)
            os.replace(part, path)
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
        flush_folder(path.parent)
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror or error}.") from error


def _require_replaceable(path: Path) -> None:
    """BadInput for what names no file, and for devices and pipes: moving a file onto one takes it from everybody."""
    if "\0" in str(path):
        raise BadInput(f"The path {str(path)!r} contains a NUL character, which no path can.")
    try:
        os.fsencode(path)
        special = path.exists() and not (path.is_file() or path.is_dir())
    except UnicodeEncodeError as error:
        raise BadInput(f"The path {str(path)!r} is not valid UTF-8: name another file.") from error
    except OSError:
        special = False  # writing says why
    if path.name in ("", ".."):
        raise BadInput(f"{path} is a folder: name a file.")
    if special or path.absolute().parent == Path("/dev"):  # /dev/stdout is a link to whatever stdout is
        raise BadInput(f"{path} is a device or a pipe, which cannot be replaced: name a file.")


def remove_parts(folder: Path) -> None:
    """Remove what `replacing` left in `folder` when its process was killed; nobody may be writing there."""
    if folder.is_dir():
        for path in folder.iterdir():
            if _PART.fullmatch(path.name) and path.is_file() and not path.is_symlink():
                path.unlink(missing_ok=True)


def flush_folder(folder: Path) -> None:
    """Make the names in `folder` durable, where the system can (Windows has no handle on a folder)."""
    if os.name == "posix":
        flush(folder)


def remove(path: Path) -> None:
    """Remove a file or a whole folder; without error when it is gone already."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files below a folder; links and what vanishes meanwhile count as nothing."""
    if path.is_symlink():
        return 0
    if not path.is_dir():
        return path.stat().st_size if path.exists() else 0
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                total += os.lstat(os.path.join(folder, name)).st_size
            except FileNotFoundError:
                continue
    return total


def flush(path: Path) -> None:
    """What was written to a file, or the names in a folder, reaches the disk before this returns."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_output_folder(path: Path) -> None:
    """A folder for results outside a store; it may exist. BadInput where it cannot be created."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{path} cannot be created: {error.strerror or error}.") from error
