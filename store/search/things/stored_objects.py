"""Stored objects where things need them: as things of scenes without trees, and as what holds a thing's seed."""

from collections.abc import Sequence

import numpy as np
from sqlalchemy import text

from ...postgres.database import Database
from .candidates import Candidate, StoredObject

_OBJECTS = text(
    """
    SELECT regions.id, regions.feature_set_id, point_count, mean.embedding::real[] AS mean
    FROM regions JOIN scene_vectors mean ON mean.feature_set_id = regions.feature_set_id AND kind = 'mean'
    WHERE regions.id = ANY(:ids)
    """
)
_AROUND = text(
    """
    SELECT seed.feature_set_id, seed.ordinal, around.id
    FROM unnest(CAST(:sets AS bigint[]), CAST(:ordinals AS integer[])) AS asked(feature_set, ordinal)
    JOIN regions seed
        ON seed.feature_set_id = asked.feature_set AND seed.level = 'superpoint' AND seed.ordinal = asked.ordinal
    JOIN regions around ON around.feature_set_id = seed.feature_set_id AND around.level = 'object'
        AND seed.row_start >= around.row_start AND seed.row_stop <= around.row_stop
    """
)


def load(store: Database, ids: Sequence[int]) -> dict[int, StoredObject]:
    """Those of the objects that are still there, by id."""
    with store.autocommit() as connection:
        rows = connection.execute(_OBJECTS, {"ids": list(ids)}).all()
    return {
        row.id: StoredObject(row.id, row.feature_set_id, row.point_count, np.asarray(row.mean, np.float16))
        for row in rows
    }


def around_seeds(store: Database, candidates: Sequence[Candidate]) -> dict[Candidate, int]:
    """The id of the stored object that holds the seed of each; what is no union of superpoints is one itself."""
    grown = {_seed(each): each for each in candidates if each.grown is not None}
    found = {each: each.region for each in candidates if each.region is not None}
    if grown:
        sets, ordinals = zip(*grown, strict=True)
        with store.autocommit() as connection:
            rows = connection.execute(_AROUND, {"sets": list(sets), "ordinals": list(ordinals)}).all()
        found |= {grown[row[0], row[1]]: row[2] for row in rows}
    return found


def _seed(candidate: Candidate) -> tuple[int, int]:
    """Feature set and ordinal of the superpoint that it grew from."""
    assert candidate.grown is not None
    return candidate.feature_set, int(candidate.grown.branches.tree.superpoint[candidate.grown.seed])
