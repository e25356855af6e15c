"""What frames say of masks: which of their own masks contain one, and whether they split it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from ...compiled import COMPILED, compiled
from .options import MaskOptions
from .sightings import Sightings

_CELLS = 1 << 22  # of a block of masks by all masks


@dataclass(frozen=True)
class Votes:
    """What all frames say of all masks."""

    contained: csr_matrix  # (M, M) True where a mask is contained in one of a frame that sees it, sorted by column
    alone: NDArray[np.bool_]  # (M,) seen by its own frame only, so that no other can contradict it
    set_aside: NDArray[np.bool_]  # (M,) in one mask what others divide; they say nothing of others either


def votes(seen: Sightings, options: MaskOptions) -> Votes:
    """A mask that no frame sees is set aside too. A frame that splits a mask is no observer of it."""
    contained, visible, split = contained_masks(seen, options)
    set_aside = (visible == 0) | (split / np.maximum(visible, 1) > options.split)
    contained = contained[:, ~set_aside]  # what is set aside contains nothing
    kept = np.flatnonzero(~set_aside)
    whole = csr_matrix((contained.data, kept[contained.indices], contained.indptr), (len(set_aside), len(set_aside)))
    return Votes(whole, visible == 1, set_aside)


def contained_masks(seen: Sightings, options: MaskOptions) -> tuple[csr_matrix, NDArray[np.int64], NDArray[np.int64]]:
    """(M, M) which masks contain which, (M,) by how many frames each is seen and (M,) by how many it is split."""
    make = _compiled_rows if COMPILED else plain_rows
    count = len(seen.frame)
    rows, columns, visible, split = [], [], [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for block, row, column, of_visible, of_split in make(seen, options):
        rows.append(row + block.start)
        columns.append(column)
        visible.append(of_visible)
        split.append(of_split)
    pairs = (np.concatenate(rows), np.concatenate(columns)) if rows else (np.empty(0, int), np.empty(0, int))
    found = csr_matrix((np.ones(len(pairs[0]), np.bool_), pairs), (count, count))
    found.sort_indices()
    return found, np.concatenate(visible), np.concatenate(split)


_Rows = tuple[slice, NDArray[np.integer], NDArray[np.integer], NDArray[np.int64], NDArray[np.int64]]


def plain_rows(seen: Sightings, options: MaskOptions) -> Iterator[_Rows]:
    """Blocks of masks by sparse products: a mask's row in its block and the mask it is contained in, then counts."""
    of_point, frame_count = seen.by_point(), seen.frame_count
    in_frame = of_point @ csr_matrix(
        (np.ones(len(seen.frame), np.int32), (np.arange(len(seen.frame)), seen.frame)), (len(seen.frame), frame_count)
    )
    in_frame.data[:] = 1  # once, in however many masks of the frame
    for block in _blocks(len(seen.frame)):
        own = seen.by_mask(block)
        shared = (own @ of_point).tocoo()
        inside = np.asarray((own @ in_frame).todense())  # (block, F) points of the mask in any mask of the frame
        size = np.maximum(seen.size[block], 1)[:, None]
        sees = (inside > 0) & ((inside / size >= options.visible) | (inside >= options.visible_points))
        frame = seen.frame[shared.col]
        holds = sees[shared.row, frame] & (shared.data / inside[shared.row, frame] > options.contained)
        row, column = shared.row[holds], shared.col[holds]
        held = np.zeros_like(sees)
        held[row, frame[holds]] = True
        yield block, row, column, sees.sum(axis=1), (sees & ~held).sum(axis=1)


def _compiled_rows(seen: Sightings, options: MaskOptions) -> Iterator[_Rows]:
    for block in _blocks(len(seen.frame)):
        rows = block.stop - block.start
        visible, split = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
        row, column = contained_rows(
            seen.start, seen.point, seen.start_of_point, seen.mask, seen.frame, seen.frame_count,
            block.start, block.stop, options.visible, options.visible_points, options.contained, visible, split,
        )  # fmt: skip
        yield block, row, column, visible, split


def _blocks(count: int) -> Iterator[slice]:
    step = max(1, _CELLS // max(count, 1))
    return (slice(start, min(start + step, count)) for start in range(0, count, step))


@compiled
def contained_rows(  # type: ignore[no-untyped-def]
    start, point, start_of_point, mask, frame, frame_count, first, last, least, least_points, contained, visible, split
):
    mask_count = len(frame)
    row, column = np.empty((last - first) * mask_count, np.int32), np.empty((last - first) * mask_count, np.int32)
    shared, inside, holder = (
        np.zeros(mask_count, np.int32),
        np.zeros(frame_count, np.int32),
        np.zeros(frame_count, np.int32),
    )
    found = 0
    for m in range(first, last):
        for i in range(start[m], start[m + 1]):
            p = point[i]
            before = -1
            for j in range(start_of_point[p], start_of_point[p + 1]):
                k = mask[j]
                shared[k] += 1
                if frame[k] != before:
                    before = frame[k]
                    inside[before] += 1
        size = start[m + 1] - start[m]
        holder[:] = 0
        for k in range(mask_count):
            f = frame[k]
            sees = shared[k] > 0 and (inside[f] / size >= least or inside[f] >= least_points)
            if sees and shared[k] / inside[f] > contained:
                row[found], column[found] = m - first, k
                found += 1
                holder[f] = 1
        for f in range(frame_count):
            if inside[f] > 0 and (inside[f] / size >= least or inside[f] >= least_points):
                visible[m - first] += 1
                split[m - first] += 1 - holder[f]
        shared[:] = 0
        inside[:] = 0
    return row[:found].copy(), column[:found].copy()
