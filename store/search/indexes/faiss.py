"""A cell index in a mapped file: the quickest for a million regions and more.

Inverted lists with 8-bit vectors (IVF, SQ8). What it finds is scored again with the stored vectors, and how many lists
a search visits is measured when it is built: the fewest that find what exact search finds for the worst of a sample of
queries. Regions published since are scored exactly beside it; those that are gone are dropped from what it finds.
"""

import logging
from functools import partial
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import faiss
import numpy as np
from numpy.typing import NDArray

from ....core import block_digests
from ....core.errors import BadInput
from ....core.files import remove, replacing, unique_name
from ....core.wording import first_line
from ...files import places
from ...postgres.database import Database
from .. import index_rows, region_vectors
from ..index_rows import IndexRow
from ..recall import compare, exact_scores_of, sample_queries
from ..region_file import locked
from ..region_vectors import Found, RegionVectors

NAME = "faiss"
LIST_ROWS = 400  # rows a list, about; fewer makes visiting one cheaper and needs more visits
TRAINING_ROWS = 100  # a list; k-means sees no more than these
WORST_RECALL = 0.99  # the number of visited lists is doubled until the worst sampled query finds this share of 100
OVERFETCH, MORE = 4, 100  # candidates: so many a hit, and so many more; 8-bit scores err, near-ties change places
EXTEND_SHARE = 0.2  # rows beside the index, of those in it, before an update adds them
RETRAIN_SHARE = 4.0  # times as many rows as it was trained on, before an update starts anew
_BLOCK = 16_384  # rows whose float32 copy is made at a time

log = logging.getLogger(__name__)
_opened: WeakKeyDictionary[Database, dict[tuple[int, str], tuple[str | None, Any]]] = WeakKeyDictionary()


def build(store: Database, space_id: int, level: str) -> int:
    store.require_writable()
    with locked(_folder(store, space_id, level)):
        return _build(store, space_id, level)


def update(store: Database, space_id: int, level: str) -> None:
    """Take in what was published since, once it is enough to slow searches down; the lists stay where they are."""
    if index_rows.find(store, NAME, space_id, level) is None:
        return
    with locked(_folder(store, space_id, level)):
        row = index_rows.find(store, NAME, space_id, level)
        table = region_vectors.current(store, space_id, level)
        beside = table.rows_of_sets(_beside(row, table)) if row is not None else np.empty(0, np.intp)
        if row is None or len(beside) <= EXTEND_SHARE * row.row_count:
            return
        path = store.file(str(row.file))
        if not index_rows.is_sound(store, row, whole=True) or len(table) > RETRAIN_SHARE * row.options["trained_rows"]:
            _build(store, space_id, level)
            return
        index = faiss.read_index(str(path))
        _remove_gone(index, table)
        _add(index, table, beside)
        _publish(store, space_id, level, index, table, row.options["trained_rows"])


def search(
    store: Database,
    space_id: int,
    level: str,
    vector: NDArray[np.float32],
    count: int,
    region_ids: NDArray[np.int64] | None = None,
) -> Found:
    """Exact where filtered, or no larger than the candidates, or where the index is not built or holds too little."""
    table = region_vectors.current(store, space_id, level)
    few = region_ids is not None or len(table) <= _candidates(count)
    row = None if few else index_rows.find(store, NAME, space_id, level)
    index = None if row is None else _index(store, row)
    if row is None or index is None:
        return table.best(vector, count, region_ids)
    beside = table.rows_of_sets(_beside(row, table))
    try:
        return _search(index, row.options["visited_lists"], table, beside, vector, count)
    except RuntimeError as error:  # FAISS's own, of numbers that cannot be
        _warn_of_damage(store.file(str(row.file)), error)
        return table.best(vector, count)


def drop(store: Database, space_id: int, level: str) -> None:
    index_rows.forget(store, NAME, space_id, level)
    remove(_folder(store, space_id, level))


def _build(store: Database, space_id: int, level: str) -> int:
    table = region_vectors.current(store, space_id, level)
    rows = table.rows_of_sets(list(table.spans))
    if len(rows) == 0:
        drop(store, space_id, level)
        return 0
    index = untrained(table.vectors.shape[1], len(rows))
    sample = np.random.default_rng(0).choice(rows, min(len(rows), index.nlist * TRAINING_ROWS), replace=False)
    index.train(table.vectors[np.sort(sample)].astype(np.float32))
    _add(index, table, rows)
    _publish(store, space_id, level, index, table, trained_rows=len(rows))
    return len(rows)


def untrained(dim: int, rows: int) -> Any:
    """An index for so many rows, none of which it has seen."""
    index: Any = faiss.index_factory(dim, f"IVF{max(1, rows // LIST_ROWS)},SQ8", faiss.METRIC_INNER_PRODUCT)
    index.cp.seed, index.cp.max_points_per_centroid, index.cp.min_points_per_centroid = 1, TRAINING_ROWS, 1
    index.cp.spherical = True
    return index


def _search(
    index: Any, visited: int, table: RegionVectors, beside: NDArray[np.intp], vector: NDArray[np.float32], count: int
) -> Found:
    """Candidates of the index and all rows beside it, scored alike."""
    wanted = min(count, len(table))
    asked = max(1, min(_candidates(count), index.ntotal))
    parameters: Any = faiss.SearchParametersIVF()
    parameters.nprobe = visited
    _, ids = index.search(vector[None].astype(np.float32), asked, params=parameters)
    rows = table.rows_of(ids[ids >= 0])
    if len(rows) + len(beside) < wanted or len(rows) < min(count, asked) // 2:
        return table.best(vector, count)  # most of what it found is gone, or it holds too little
    return table.best_of_rows(np.concatenate([rows, beside]), vector, count)


def _candidates(count: int) -> int:
    """How many a search looks at for so many hits."""
    return OVERFETCH * count + MORE


def _warn_of_damage(path: Path, error: RuntimeError | None = None) -> None:
    reason = f" ({first_line(error)})" if error is not None else ""
    log.warning("%s is damaged%s, searching without it: ovstore index build %s", path, reason, NAME)


def _folder(store: Database, space_id: int, level: str) -> Path:
    return store.file(places.faiss_index(space_id, level))


def _beside(row: IndexRow, table: RegionVectors) -> list[int]:
    """Feature sets that are not in the index yet."""
    inside = set(row.options["feature_sets"])
    return [feature_set for feature_set in table.spans if feature_set not in inside]


def _index(store: Database, row: IndexRow) -> Any:
    """The mapped file, None when it is gone or damaged: it belongs to the folder, the row to the database."""
    opened = _opened.setdefault(store, {})
    file, index = opened.get((row.space_id, row.level), (None, None))
    if index is None or file != row.file:
        path = store.file(str(row.file))
        if not path.is_file():
            log.warning("%s is missing, searching without it: ovstore index build %s", path, NAME)
            return None
        if not index_rows.is_sound(store, row, whole=False):
            _warn_of_damage(path)
            return None
        try:
            index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
        except RuntimeError as error:
            _warn_of_damage(path, error)
            return None
        opened[row.space_id, row.level] = (row.file, index)
    return index


def _add(index: Any, table: RegionVectors, rows: NDArray[np.intp]) -> None:
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        index.add_with_ids(table.vectors[block].astype(np.float32), table.ids[block])


def _remove_gone(index: Any, table: RegionVectors) -> None:
    sizes = [index.invlists.list_size(number) for number in range(index.nlist)]
    lists = [faiss.rev_swig_ptr(index.invlists.get_ids(n), size) for n, size in enumerate(sizes) if size]
    ids = np.concatenate([np.empty(0, np.int64), *lists])
    gone = np.setdiff1d(ids, table.ids[table.rows_of(ids)])
    if len(gone):
        index.remove_ids(gone)


def _publish(store: Database, space_id: int, level: str, index: Any, table: RegionVectors, trained_rows: int) -> None:
    """Measure, write under a new name, and let the row name it."""
    old = index_rows.find(store, NAME, space_id, level)
    path = _folder(store, space_id, level) / f"{unique_name(NAME)}.index"
    file = str(path.relative_to(store.path.resolve()))
    with replacing(path, in_store=True) as part:
        try:
            faiss.write_index(index, str(part))
        except RuntimeError as error:  # FAISS's own, of a full disk
            raise BadInput(f"{path} cannot be written: {first_line(error)}") from error
    options = {
        "digests": block_digests.of_file(path),
        "type": f"IVF{index.nlist},SQ8",
        "lists": index.nlist,
        "visited_lists": _enough_lists(index, table),
        "trained_rows": trained_rows,
        "feature_sets": list(table.spans),
    }
    index_rows.record(store, NAME, space_id, level, len(table), int(table.ids.max(initial=0)), options, file)
    if old is not None and old.file is not None:
        remove(store.file(old.file))


def _enough_lists(index: Any, table: RegionVectors) -> int:
    """How many lists to visit, so that the worst sampled query finds what it should."""
    queries = sample_queries(table, 50, np.random.default_rng(1))
    truth = exact_scores_of(table, queries, 100)
    none = np.empty(0, np.intp)
    visited = 1
    while visited < index.nlist:
        search_so_many = partial(_search, index, visited, table, none)
        if compare(truth, search_so_many, queries, 100).worst >= WORST_RECALL:
            break
        visited *= 2
    return min(visited, index.nlist)
