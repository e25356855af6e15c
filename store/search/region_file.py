"""The side file of region vectors: rows that are appended and mapped, and a manifest that says which are whose.

    FOLDER/
        manifest.json        which feature set has which rows, and digests of them and of itself; replaced in one step
        GENERATION.ids       int64
        GENERATION.vectors   float16, dim a row

A reader maps what its manifest names; an append beyond that, finished or not, is nothing to it. A generation is never
rewritten: leaving rows behind means writing the next one. What is not as its digests say counts as nothing, and is
written anew from the database, which this file does not know.
"""

import fcntl
import json
import logging
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ...core import block_digests
from ...core.digests import json_digest
from ...core.errors import BadInput
from ...core.file_locks import opened
from ...core.files import make_folder, permissions_inside, remove, replacing

FeatureSetKey = tuple[int, int]  # id, microseconds since 1970 of its birth
Part = tuple[FeatureSetKey, NDArray[np.int64], NDArray[np.float16]]  # whose, (n,) region ids, (n, dim)
Digests = tuple[tuple[str, ...], tuple[str, ...]]  # of the blocks of a feature set's ids and vectors

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Manifest:
    """What the current generation holds."""

    dim: int
    generation: int
    spans: dict[FeatureSetKey, tuple[int, int]]  # feature set -> first row, one past the last
    digests: dict[FeatureSetKey, Digests] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return max((stop for _, stop in self.spans.values()), default=0)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One writer at a time, over all processes of the machine."""
    make_folder(folder)
    try:
        lock = opened(folder / "lock")
    except OSError as error:
        raise BadInput(f"{folder} cannot be changed: {error.strerror}.") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def read_manifest(folder: Path, dim: int) -> Manifest | None:
    """None where there is none for vectors of that length, or what it names is not there or not as it says.

    Of long files a sample is looked at; see block_digests.py.
    """
    manifest = _noted(folder)
    if manifest is None or manifest.dim != dim:
        return None
    try:
        ids, vectors = mapped(folder, manifest)
    except (OSError, ValueError):  # too short, or another process wrote the next generation at this moment
        return None
    if not _as_written(manifest, ids, vectors, whole=False):
        log.warning("%s is damaged: its contents are read from the database again.", folder)
        return None
    return manifest


def is_whole(folder: Path) -> bool:
    """Whether every row is what was written.

    A folder without a manifest holds nothing, and is whole; so is one of an ovstore that took no digests, which counts
    as nothing and is written anew at its next use.
    """
    if not (folder / "manifest.json").exists():
        return True
    manifest = _noted(folder)
    if manifest is None and _is_without_digests(folder):
        return True
    try:
        return manifest is not None and _as_written(manifest, *mapped(folder, manifest), whole=True)
    except (OSError, ValueError):
        return False


def _as_written(manifest: Manifest, ids: NDArray[np.int64], vectors: NDArray[np.float16], whole: bool) -> bool:
    """Whether the rows are as the digests say: all of them, or a sample."""
    parts = []
    for key, (start, stop) in manifest.spans.items():
        of_ids, of_vectors = manifest.digests[key]
        parts += [(_bytes(ids[start:stop]), of_ids), (_bytes(vectors[start:stop]), of_vectors)]
    return block_digests.hold(parts, whole)


def _noted(folder: Path) -> Manifest | None:
    """What manifest.json says, None where it is not what was written."""
    try:
        body = json.loads(_own(folder / "manifest.json").read_bytes())
        digest = body.pop("digest")
        if digest != json_digest(body):
            return None
        spans, digests = {}, {}
        for feature_set, birth, start, stop, of_ids, of_vectors in body["spans"]:
            spans[feature_set, birth] = (start, stop)
            digests[feature_set, birth] = (tuple(of_ids), tuple(of_vectors))
        return Manifest(body["dim"], body["generation"], spans, digests)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _is_without_digests(folder: Path) -> bool:
    try:
        body = json.loads(_own(folder / "manifest.json").read_bytes())
        return body.keys() == {"dim", "generation", "spans"} and all(len(span) == 4 for span in body["spans"])
    except (OSError, ValueError, TypeError, AttributeError):
        return False


def _bytes(rows: NDArray[Any]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(rows).reshape(-1).view(np.uint8)


def mapped(folder: Path, manifest: Manifest) -> tuple[NDArray[np.int64], NDArray[np.float16]]:
    """All rows: (N,) ids and (N, dim) vectors, read-only, read from disk when touched."""
    rows = manifest.rows
    if rows == 0:
        return np.empty(0, np.int64), np.empty((0, manifest.dim), np.float16)
    ids_path, vectors_path = _paths(folder, manifest.generation)
    ids = np.memmap(_own(ids_path), np.int64, mode="r", shape=(rows,))
    vectors = np.memmap(_own(vectors_path), np.float16, mode="r", shape=(rows, manifest.dim))
    return np.asarray(ids), np.asarray(vectors)


def next_generation(folder: Path, dim: int) -> Manifest:
    """An empty one, to append to; nothing is written yet."""
    used = [int(path.stem) for path in folder.glob("*.ids") if path.stem.isdigit()]
    return Manifest(dim, max(used, default=0) + 1, {})


def append(folder: Path, manifest: Manifest, parts: Iterable[Part]) -> Manifest:
    """Rows behind those of `manifest`, on disk before the new manifest names them; call it `locked`.

    BadInput where the disk is full: the old manifest stays, to which half an append is nothing.
    """
    try:
        return _appended(folder, manifest, parts)
    except OSError as error:
        raise BadInput(f"{folder} cannot be written: {error.strerror or error}.") from error


def _appended(folder: Path, manifest: Manifest, parts: Iterable[Part]) -> Manifest:
    spans, digests, row = dict(manifest.spans), dict(manifest.digests), manifest.rows
    ids_path, vectors_path = _paths(folder, manifest.generation)
    with _tail(ids_path, row * 8) as ids_file, _tail(vectors_path, row * 2 * manifest.dim) as vectors_file:
        for key, ids, vectors in parts:
            written = _bytes(ids), _bytes(vectors)
            ids_file.write(written[0].data)
            vectors_file.write(written[1].data)
            digests[key] = (tuple(block_digests.of_bytes(written[0])), tuple(block_digests.of_bytes(written[1])))
            spans[key] = (row, row + len(ids))
            row += len(ids)
    grown = Manifest(manifest.dim, manifest.generation, spans, digests)
    listed = [[*key, *span, *map(list, digests[key])] for key, span in spans.items()]
    body = {"dim": grown.dim, "generation": grown.generation, "spans": listed}
    with replacing(folder / "manifest.json", in_store=True) as path:
        path.write_text(json.dumps({**body, "digest": json_digest(body)}))
    for path in folder.iterdir():  # what is mapped stays readable after its name is gone
        if path.suffix in (".ids", ".vectors") and path.stem != str(grown.generation):
            remove(path)
    return grown


@contextmanager
def _tail(path: Path, size: int) -> Iterator[BinaryIO]:
    """The file, to be written from byte `size` on; what an unfinished append left there is cut off."""
    with suppress(FileNotFoundError):
        if not _is_own(path):
            remove(path)
    there = path.exists()
    with open(path, "r+b" if there else "wb") as file:
        if not there:
            os.fchmod(file.fileno(), permissions_inside(path.parent) & 0o666)
        file.truncate(size)
        file.seek(size)
        yield file
        file.flush()
        os.fsync(file.fileno())


def _own(path: Path) -> Path:
    """The path of a file to be read; OSError for a link, which may lead out of the store, and a pipe, which waits."""
    if not _is_own(path):
        raise OSError(f"{path} is not a regular file")
    return path


def _is_own(path: Path) -> bool:
    return stat.S_ISREG(path.lstat().st_mode)


def _paths(folder: Path, generation: int) -> tuple[Path, Path]:
    return folder / f"{generation}.ids", folder / f"{generation}.vectors"
