"""Masks of many frames become clusters: joined where the frames that see both agree, the best observed first."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components

from ...compiled import COMPILED, compiled
from .options import MaskOptions
from .sightings import Sightings
from .votes import Votes

_ROWS = 1024  # nodes compared with all others at a time
_PERCENTILES = range(95, -5, -5)  # of the numbers of observers, from the pairs that are seen most


def clusters(seen: Sightings, said: Votes, options: MaskOptions) -> tuple[NDArray[np.int32], csr_matrix]:
    """(M,) the cluster of each mask, -1 for those set aside, and (clusters, F) which frames see each.

    For two nodes, observers are the frames that see both and supporters the masks that contain both (with nested
    masks, the frames that have one). Nodes are joined where supporters are at least `consensus` of the observers, and
    the observers as many as the round asks for.
    """
    of_frame = csr_matrix(
        (np.ones(len(seen.frame), np.bool_), (np.arange(len(seen.frame)), seen.frame)),
        (len(seen.frame), seen.frame_count),
    )
    least = observer_counts(said.contained @ of_frame)
    nodes = np.flatnonzero(~said.set_aside)
    cluster = np.full(len(seen.frame), -1, np.int32)
    cluster[nodes] = np.arange(len(nodes))
    held = said.contained[nodes]
    per_frame = options.overlaps == "nested" and seen.overlapping
    for observers in least:
        pairs = [pair for _, pair in _agreeing(held, of_frame, seen.frame, observers, options.consensus, per_frame)]
        joined = np.concatenate([*pairs, np.empty((2, 0), np.int64)], axis=1)
        count = held.shape[0]
        if not joined.shape[1]:
            continue
        links = coo_matrix((np.ones(joined.shape[1], np.int8), (joined[0], joined[1])), (count, count))
        number, label = connected_components(links, directed=False)
        cluster[nodes] = label[cluster[nodes]]
        held = csr_matrix((np.ones(count, np.bool_), (label, np.arange(count))), (number, count)) @ held
        held.sort_indices()
    sees = (held @ of_frame).tocsr()
    sees.sort_indices()
    return cluster, sees


def observer_counts(sees: csr_matrix) -> list[float]:
    """The least numbers of observers, round by round: percentiles of all positive counts of frames that see two masks.

    Less than 1 counts as 1; below the median, 1 ends it.
    """
    histogram = np.zeros(sees.shape[1] + 1, np.int64)
    for block in _blocks(sees.shape[0]):
        some = np.asarray(sees[block].todense(), np.float32)
        for others in _blocks(sees.shape[0]):
            counts = some @ np.asarray(sees[others].todense(), np.float32).T
            histogram += np.bincount(counts.astype(np.int32).ravel(), minlength=len(histogram))
    histogram[0] = 0
    found = []
    for percentile in _PERCENTILES if histogram.any() else ():
        observers = _percentile(histogram, percentile)
        if observers <= 1 and percentile < 50:
            break
        found.append(max(observers, 1.0))
    return found


def _percentile(histogram: NDArray[np.int64], percentile: int) -> float:
    """As np.percentile of so many 0s, 1s, ..."""
    up_to = np.cumsum(histogram)
    place = percentile / 100 * (int(up_to[-1]) - 1)
    low, high = np.searchsorted(up_to, [np.floor(place), np.ceil(place)], side="right").tolist()
    return low + (high - low) * (place - np.floor(place))


def _blocks(count: int) -> Iterator[slice]:
    return (slice(start, min(start + _ROWS, count)) for start in range(0, count, _ROWS))


def _agreeing(
    held: csr_matrix,  # (nodes, M) True where a node is contained in a mask
    of_frame: csr_matrix,  # (M, F) the frame of each mask
    frame: NDArray[np.int32],  # (M,) the same
    least: float,
    consensus: float,
    per_frame: bool,
) -> Iterator[tuple[slice, NDArray[np.int64]]]:
    """Blocks of nodes, and (2, K) pairs of one of them with a later one that belong together."""
    sees = _bits(held @ of_frame)
    holders = held.tocsc()
    holders.sort_indices()
    supported = _compiled_supporters if COMPILED else plain_supporters
    for block in _blocks(held.shape[0]):
        row, column, supporters = supported(held, holders, frame, block, per_frame)
        observers = np.bitwise_count(sees[row] & sees[column]).sum(axis=1, dtype=np.int64)
        agree = (observers >= least) & (supporters / (observers + 1e-7) >= consensus)
        yield block, np.stack([row[agree], column[agree]])


def _bits(sees: csr_matrix) -> NDArray[np.uint64]:
    """(nodes, words) the frames that see each node, a bit a frame."""
    words = np.zeros((sees.shape[0], -(-sees.shape[1] // 64)), np.uint64)
    row = np.repeat(np.arange(sees.shape[0]), np.diff(sees.indptr))
    bit = np.left_shift(np.uint64(1), (sees.indices % 64).astype(np.uint64))
    np.bitwise_or.at(words, (row, sees.indices // 64), bit)
    return words


_Supporters = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def plain_supporters(
    held: csr_matrix, holders: csr_matrix, frame: NDArray[np.int32], block: slice, per_frame: bool
) -> _Supporters:
    """Pairs of a node of the block and a later node with a common mask, and how many masks, or frames, support them."""
    count = held.shape[0]
    some = held[block].astype(np.int32)
    if per_frame:
        keys = [np.empty(0, np.int64)]
        for masks in np.split(np.arange(len(frame)), np.flatnonzero(np.diff(frame)) + 1):
            both = (some[:, masks] @ holders[:, masks].astype(np.int32).T).tocoo()
            keys.append(both.row.astype(np.int64) * count + both.col)
        key, supporters = np.unique(np.concatenate(keys), return_counts=True)
        row, column = np.divmod(key, count)
    else:
        shared = (some @ held.astype(np.int32).T).tocoo()
        row, column, supporters = shared.row.astype(np.int64), shared.col.astype(np.int64), shared.data.astype(np.int64)
    later = column > row + block.start
    return row[later] + block.start, column[later], supporters[later]


def _compiled_supporters(
    held: csr_matrix, holders: csr_matrix, frame: NDArray[np.int32], block: slice, per_frame: bool
) -> _Supporters:
    return supporter_rows(
        held.indptr, held.indices, holders.indptr, holders.indices, frame, block.start, block.stop, per_frame
    )


@compiled
def supporter_rows(start, mask, start_of_mask, node, frame, first, last, per_frame):  # type: ignore[no-untyped-def]
    count = len(start) - 1
    room = 1 << 16
    row, column, supporters = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    times, latest = np.zeros(count, np.int64), np.full(count, -1, np.int64)
    touched = np.empty(count, np.int64)
    found = 0
    for a in range(first, last):
        reached = 0
        for i in range(start[a], start[a + 1]):
            k = mask[i]
            for j in range(start_of_mask[k], start_of_mask[k + 1]):
                b = node[j]
                if b <= a or (per_frame and latest[b] == frame[k]):
                    continue
                if times[b] == 0:
                    touched[reached] = b
                    reached += 1
                times[b] += 1
                latest[b] = frame[k]
        if found + reached > room:
            room = max(2 * room, found + reached)
            wider = np.empty((3, room), np.int64)
            wider[0, :found], wider[1, :found], wider[2, :found] = row[:found], column[:found], supporters[:found]
            row, column, supporters = wider[0], wider[1], wider[2]
        for i in range(reached):
            b = touched[i]
            row[found], column[found], supporters[found] = a, b, times[b]
            found += 1
            times[b], latest[b] = 0, -1
    return row[:found].copy(), column[:found].copy(), supporters[:found].copy()
