"""Objects by their vectors from crops, alone or together with the fused ones."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ...core.errors import NotFound
from ...core.features import Vectors
from ..postgres.database import Database
from . import region_vectors, space_state
from .region_vectors import RegionVectors
from .space_state import SpaceState


@contextmanager
def holding(store: Database, state: SpaceState, vectors: Vectors) -> Iterator[RegionVectors]:
    """The vectors of objects; in the block an index that scores every region takes them too (see region_vectors)."""
    level = "object" if vectors == "fused" else vectors
    with store.autocommit() as connection:
        own = state if vectors == "fused" else space_state.described(connection, state, vectors)
    with region_vectors.holding(store, own, level) as table:
        yield table


def without_crops(store: Database, state: SpaceState, sets: Sequence[int], space: str) -> int:
    """How many of these feature sets were not described from crops; NotFound where none of them was."""
    with store.autocommit() as connection:
        described = {key[0] for key in space_state.described(connection, state, "crops").ready}
    without = sum(number not in described for number in sets)
    if sets and without == len(sets):
        raise NotFound(f"No objects of {space!r} have vectors from crops here yet: see ovstore describe --help")
    return without
