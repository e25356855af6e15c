"""The side file of region vectors: rows that are appended and mapped, and a manifest that says which are whose.

    FOLDER/
        manifest.json        which feature set has which rows; replaced in one step, names only what is there
        GENERATION.ids       int64
        GENERATION.vectors   float16, dim a row

A reader maps what its manifest names; an append beyond that, finished or not, is nothing to it. A generation is never
rewritten: leaving rows behind means writing the next one. This file knows no database.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .files import remove, replacing

FeatureSetKey = tuple[int, int]  # id, microseconds since 1970 of its birth
Part = tuple[FeatureSetKey, NDArray[np.int64], NDArray[np.float16]]  # whose, (n,) region ids, (n, dim)


@dataclass(frozen=True)
class Manifest:
    """What the current generation holds."""

    dim: int
    generation: int
    spans: dict[FeatureSetKey, tuple[int, int]]  # feature set -> first row, one past the last

    @property
    def rows(self) -> int:
        return max((stop for _, stop in self.spans.values()), default=0)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One writer at a time, over all processes of the machine."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def read_manifest(folder: Path, dim: int) -> Manifest | None:
    """None where there is none for vectors of that length, or files are shorter than it says."""
    try:
        body = json.loads((folder / "manifest.json").read_text())
        spans = {(feature_set, birth): (start, stop) for feature_set, birth, start, stop in body["spans"]}
        manifest = Manifest(body["dim"], body["generation"], spans)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return manifest if manifest.dim == dim and _whole(folder, manifest) else None


def mapped(folder: Path, manifest: Manifest) -> tuple[NDArray[np.int64], NDArray[np.float16]]:
    """All rows: (N,) ids and (N, dim) vectors, read-only, read from disk when touched."""
    rows = manifest.rows
    if rows == 0:
        return np.empty(0, np.int64), np.empty((0, manifest.dim), np.float16)
    ids_path, vectors_path = _paths(folder, manifest.generation)
    ids = np.memmap(ids_path, np.int64, mode="r", shape=(rows,))
    vectors = np.memmap(vectors_path, np.float16, mode="r", shape=(rows, manifest.dim))
    return np.asarray(ids), np.asarray(vectors)


def next_generation(folder: Path, dim: int) -> Manifest:
    """An empty one, to append to; nothing is written yet."""
    used = [int(path.stem) for path in folder.glob("*.ids") if path.stem.isdigit()]
    return Manifest(dim, max(used, default=0) + 1, {})


def append(folder: Path, manifest: Manifest, parts: Iterable[Part]) -> Manifest:
    """Rows behind those of `manifest`, on disk before the new manifest names them; call it `locked`."""
    spans, row = dict(manifest.spans), manifest.rows
    ids_path, vectors_path = _paths(folder, manifest.generation)
    with _tail(ids_path, row * 8) as ids_file, _tail(vectors_path, row * 2 * manifest.dim) as vectors_file:
        for key, ids, vectors in parts:
            ids_file.write(np.ascontiguousarray(ids).data)
            vectors_file.write(np.ascontiguousarray(vectors).data)
            spans[key] = (row, row + len(ids))
            row += len(ids)
    grown = Manifest(manifest.dim, manifest.generation, spans)
    body = {"dim": grown.dim, "generation": grown.generation, "spans": [[*key, *span] for key, span in spans.items()]}
    with replacing(folder / "manifest.json") as path:
        path.write_text(json.dumps(body))
    for path in folder.iterdir():  # what is mapped stays readable after its name is gone
        if path.suffix in (".ids", ".vectors") and path.stem != str(grown.generation):
            remove(path)
    return grown


@contextmanager
def _tail(path: Path, size: int) -> Iterator:
    """The file, to be written from byte `size` on; what an unfinished append left there is cut off."""
    with open(path, "r+b" if path.exists() else "wb") as file:
        file.truncate(size)
        file.seek(size)
        yield file
        file.flush()
        os.fsync(file.fileno())


def _paths(folder: Path, generation: int) -> tuple[Path, Path]:
    return folder / f"{generation}.ids", folder / f"{generation}.vectors"


def _whole(folder: Path, manifest: Manifest) -> bool:
    sizes = (8, 2 * manifest.dim)
    try:
        paths = zip(_paths(folder, manifest.generation), sizes, strict=True)
        return all(path.stat().st_size >= manifest.rows * size for path, size in paths)
    except FileNotFoundError:
        return manifest.rows == 0
