"""All region vectors of a space and level as one memory-mapped array that follows the database.

Beside the levels there are two more kinds of vectors of objects: "crops", and "both", the means of the other two.

Asking PostgreSQL for a million vectors takes seconds, mapping a file takes microseconds. The side file (region_file.py)
is derived, like every index: rows are appended when feature sets appear, rows of feature sets that are gone are skipped
and, once they are many, left behind. A feature set never changes (it is replaced by another), so its id and birth say
that its rows are still true, even when the folder is used with another database.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from ...core.files import remove
from ...core.vectors import unit_rows
from ..files import places
from ..postgres.copy_out import read_crops, read_regions
from ..postgres.database import Database
from . import region_file, scoring, space_state
from .region_file import FeatureSetKey, Manifest, Part
from .space_state import SpaceState

DESCRIBED = ("crops", "both")  # what stands for a level where objects were described from crops
_DEAD_SHARE = 0.25  # of all rows; above it the living ones are written anew

Found = tuple[NDArray[np.int64], NDArray[np.float32]]  # (n,) region ids and their scores, best first


@dataclass(frozen=True)
class RegionVectors:
    """The ready regions of a space and level, a row each, and between them rows of feature sets that are gone."""

    ids: NDArray[np.int64]  # (N,)
    vectors: NDArray[np.float16]  # (N, dim) unit length
    spans: dict[int, tuple[int, int]]  # ready feature set -> its rows
    dead: tuple[tuple[int, int], ...]  # rows that do not count
    _by_id: list[NDArray[np.intp]] = field(default_factory=list, repr=False)  # the rows in order of ids, once needed

    def __len__(self) -> int:
        return len(self.ids) - sum(stop - start for start, stop in self.dead)

    def best(self, query: NDArray[np.float32], count: int, region_ids: NDArray[np.int64] | None = None) -> Found:
        """The best `count` of all regions, or of those in `region_ids`."""
        if region_ids is not None:
            return self.best_of_rows(self.rows_of(region_ids), query, count)
        rows = self.rows_of_sets(list(self.spans)) if self.dead else None
        return scoring.best_rows(self.vectors, self.ids, query, count, rows)

    def best_of_rows(self, rows: NDArray[np.intp], query: NDArray[np.float32], count: int) -> Found:
        """The best `count` of some rows."""
        return scoring.best_rows(self.vectors, self.ids, query, count, np.unique(rows))

    def rows_of(self, region_ids: NDArray[np.int64]) -> NDArray[np.intp]:
        """Rows of the ids, in their order; ids that are no ready region of this space and level are left out."""
        if not self._by_id:
            self._by_id.append(np.argsort(self.ids, kind="stable"))
        by_id = self._by_id[0]
        place = np.searchsorted(self.ids, region_ids, sorter=by_id)
        inside = place < len(by_id)
        rows = by_id[place[inside]]
        rows = rows[self.ids[rows] == region_ids[inside]]
        for start, stop in self.dead:
            rows = rows[(rows < start) | (rows >= stop)]
        return rows

    def rows_of_sets(self, feature_sets: Sequence[int]) -> NDArray[np.intp]:
        """The rows of some feature sets."""
        spans = [self.spans[number] for number in feature_sets if number in self.spans]
        return np.concatenate([np.arange(*span) for span in spans]) if spans else np.empty(0, np.intp)


_opened: WeakKeyDictionary[Database, dict[tuple[int, str], tuple[SpaceState, RegionVectors]]] = WeakKeyDictionary()
_lock = threading.RLock()
_held: ContextVar[tuple[Database, int, str, RegionVectors] | None] = ContextVar("held", default=None)


def current(store: Database, space_id: int, level: str) -> RegionVectors:
    """The vectors as of now; feature sets that are new are appended first."""
    held = _held.get()
    if held is not None and held[:3] == (store, space_id, level):
        return held[3]
    with store.autocommit() as connection:
        state = space_state.by_id(connection, space_id)
        if level in DESCRIBED:
            state = space_state.described(connection, state, level)
    return _as_of(store, state, level)


@contextmanager
def holding(store: Database, state: SpaceState, level: str) -> Iterator[RegionVectors]:
    """In the block, `current` is as of `state`: a search sees one state of the store, and asks for it once."""
    table = _as_of(store, state, level)
    token = _held.set((store, state.space_id, level, table))
    try:
        yield table
    finally:
        _held.reset(token)


def damaged(store: Database) -> list[tuple[int, str]]:
    """The spaces and levels whose side files are not what was written; every byte of them is read."""
    found = []
    for folder in sorted(store.file(places.INDEXES).glob("*")):
        held = places.regions_index_of(folder)
        if held is not None and not store.leads_out(folder) and not region_file.is_whole(folder):
            found.append(held)
    return found


def drop(store: Database, space_id: int, level: str) -> None:
    """Remove the side file; the next use writes it again."""
    with _lock:
        _opened.setdefault(store, {}).pop((space_id, level), None)
        folder = _folder(store, space_id, level)
        if folder.exists():
            with region_file.locked(folder):
                remove(folder)


def _folder(store: Database, space_id: int, level: str) -> Path:
    return store.file(places.regions_index(space_id, level))


def _as_of(store: Database, state: SpaceState, level: str) -> RegionVectors:
    with _lock:
        tables = _opened.setdefault(store, {})
        known = tables.get((state.space_id, level))
        if known is None or known[0] != state:
            known = (state, _open(store, state, level))
            tables[state.space_id, level] = known
        return known[1]


def _open(store: Database, state: SpaceState, level: str) -> RegionVectors:
    folder = _folder(store, state.space_id, level)
    if store.scratch and not _follows(folder, state):
        folder = store.scratch / folder.relative_to(store.file("."))
    manifest = region_file.read_manifest(folder, state.dim)
    if manifest is not None and all(key in manifest.spans for key in state.ready):
        try:
            return _table(folder, manifest, state)
        except FileNotFoundError:
            pass  # another process wrote the next generation at this moment
    with region_file.locked(folder):
        return _table(folder, _followed(store, folder, level, state), state)


def _follows(folder: Path, state: SpaceState) -> bool:
    """Whether the side file holds every ready feature set."""
    manifest = region_file.read_manifest(folder, state.dim)
    return manifest is not None and all(key in manifest.spans for key in state.ready)


def _table(folder: Path, manifest: Manifest, state: SpaceState) -> RegionVectors:
    living = {key[0]: manifest.spans[key] for key in state.ready}
    gone = manifest.spans.keys() - set(state.ready)
    dead = sorted(manifest.spans[key] for key in gone if manifest.spans[key][0] < manifest.spans[key][1])
    return RegionVectors(*region_file.mapped(folder, manifest), living, tuple(dead))


def _followed(store: Database, folder: Path, level: str, state: SpaceState) -> Manifest:
    """Make the side file hold every ready feature set."""
    manifest = region_file.read_manifest(folder, state.dim) or region_file.next_generation(folder, state.dim)
    kept = [key for key in state.ready if key in manifest.spans]
    living = sum(manifest.spans[key][1] - manifest.spans[key][0] for key in kept)
    if manifest.rows - living > _DEAD_SHARE * manifest.rows:
        parts = _kept_parts(folder, manifest, kept if region_file.is_whole(folder) else [])
        manifest = region_file.append(folder, region_file.next_generation(folder, state.dim), parts)
    missing = [key for key in state.ready if key not in manifest.spans]
    parts = _read_parts(store, missing, level, state.dim)
    return region_file.append(folder, manifest, parts) if missing else manifest


def _kept_parts(folder: Path, manifest: Manifest, kept: list[FeatureSetKey]) -> Iterator[Part]:
    ids, vectors = region_file.mapped(folder, manifest)
    for key in kept:
        start, stop = manifest.spans[key]
        yield key, ids[start:stop], vectors[start:stop]


def _read_parts(store: Database, missing: list[FeatureSetKey], level: str, dim: int) -> Iterator[Part]:
    with store.connect() as connection:
        for key in missing:
            yield key, *_read_part(connection, key[0], level, dim)


def _read_part(
    connection: Connection, feature_set: int, level: str, dim: int
) -> tuple[NDArray[np.int64], NDArray[np.float16]]:
    if level not in DESCRIBED:
        return read_regions(connection, feature_set, level, dim)
    described, crops = read_crops(connection, feature_set, dim)
    if level == "crops":
        return described, crops
    ids, fused = read_regions(connection, feature_set, "object", dim)
    total = unit_rows(fused.astype(np.float32))
    total[np.searchsorted(ids, described)] += unit_rows(crops.astype(np.float32))
    return ids, unit_rows(total).astype(np.float16)
