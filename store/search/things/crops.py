"""Things by crops of images: the mean of the stored objects that a thing covers, each weighed by the points they share.

Where superpoints join is decided by their fused vectors, whatever things are then compared by.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text

from ....core.features import Query
from ....core.vectors import unit_rows
from ...postgres.database import Database
from .. import described
from ..space_state import SpaceState
from .candidates import Candidate

_COVERED = text(
    """
    SELECT leaf.feature_set_id, leaf.ordinal, leaf.seen_count, around.id
    FROM unnest(CAST(:sets AS bigint[]), CAST(:ordinals AS integer[])) AS asked(feature_set, ordinal)
    JOIN regions leaf
        ON leaf.feature_set_id = asked.feature_set AND leaf.level = 'superpoint' AND leaf.ordinal = asked.ordinal
    JOIN regions around ON around.feature_set_id = leaf.feature_set_id AND around.level = 'object'
        AND leaf.row_start >= around.row_start AND leaf.row_stop <= around.row_stop
    """
)
_Weights = dict[int, int]  # object id -> points that the thing has of it


def by_crops(store: Database, query: Query, state: SpaceState, candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidates with the vectors that the query asks for; by crops alone without those that no crop shows."""
    if query.vectors == "fused" or not candidates:
        return list(candidates)
    covered = _covered(store, candidates)
    with described.holding(store, state, "crops") as table:
        found = []
        for each, weights in zip(candidates, covered, strict=True):
            rows = table.rows_of(np.array(sorted(weights), np.int64))
            if not len(rows):
                found += [each] if query.vectors == "both" else []
                continue
            share = np.array([weights[id] for id in table.ids[rows].tolist()], np.float32)
            crop = unit_rows((share @ unit_rows(table.vectors[rows].astype(np.float32)))[None])[0]
            if query.vectors == "crops":
                seed = whole = crop
            else:
                seed, whole = _mean(each.seed_vector, crop), _mean(each.vector, crop)
            found.append(replace(each, seed_vector=seed.astype(np.float16), vector=whole.astype(np.float16)))
    return found


def _mean(fused: NDArray[np.float16], crop: NDArray[np.float32]) -> NDArray[np.float32]:
    return unit_rows(unit_rows(fused.astype(np.float32)[None]) + crop)[0]


def _covered(store: Database, candidates: Sequence[Candidate]) -> list[_Weights]:
    """The objects that each covers."""
    leaves = [(each.feature_set, ordinal) for each in candidates for ordinal in _superpoints(each)]
    owner: dict[tuple[int, int], tuple[int, int]] = {}
    if leaves:
        sets, ordinals = zip(*leaves, strict=True)
        with store.autocommit() as connection:
            rows = connection.execute(_COVERED, {"sets": list(sets), "ordinals": list(ordinals)}).all()
        owner = {(row[0], row[1]): (row[3], row[2]) for row in rows}
    covered = []
    for each in candidates:
        weights: _Weights = {} if each.region is None else {each.region: 1}
        for ordinal in _superpoints(each):
            if (each.feature_set, ordinal) in owner:
                region, points = owner[each.feature_set, ordinal]
                weights[region] = weights.get(region, 0) + points
        covered.append(weights)
    return covered


def _superpoints(candidate: Candidate) -> list[int]:
    if candidate.grown is None:
        return []
    ordinals: list[int] = candidate.grown.branches.tree.superpoint[candidate.grown.leaves].tolist()
    return ordinals
