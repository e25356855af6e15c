"""Score every region: right by definition, and the quickest way up to some hundred thousand regions."""

import numpy as np
from numpy.typing import NDArray

from ...postgres.database import Database
from .. import region_vectors
from ..region_vectors import Found


def build(store: Database, space_id: int, level: str) -> int:
    """Write the side file of vectors anew."""
    region_vectors.drop(store, space_id, level)
    return len(region_vectors.current(store, space_id, level))


def update(store: Database, space_id: int, level: str) -> None:
    """Append what was published, so that the next question does not wait for it."""
    region_vectors.current(store, space_id, level)


def search(
    store: Database,
    space_id: int,
    level: str,
    vector: NDArray[np.float32],
    count: int,
    region_ids: NDArray[np.int64] | None = None,
) -> Found:
    return region_vectors.current(store, space_id, level).best(vector, count, region_ids)


def drop(store: Database, space_id: int, level: str) -> None:
    """Remove the side file; the next search writes it again."""
    region_vectors.drop(store, space_id, level)
