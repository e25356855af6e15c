"""Objects by their vectors from crops, alone or together with the fused ones."""

from collections.abc import Iterator
from contextlib import contextmanager

from ...core.errors import NotFound
from ...core.features import Query, Vectors
from ...core.wording import counted
from ..postgres.database import Database
from . import filters, region_vectors, space_state
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


def note(store: Database, query: Query) -> str | None:
    """What the answer lacks where some of the feature sets that it asks were not described; NotFound where none was."""
    if query.vectors == "fused":
        return None
    with store.autocommit() as connection:
        state = space_state.of_space(connection, query.space)
        described = {key[0] for key in space_state.described(connection, state, "crops").ready}
    chosen = filters.chosen_sets(store, query, state.space_id)
    sets = [key[0] for key in state.ready if chosen is None or key[0] in chosen]
    without = sum(number not in described for number in sets)
    if sets and without == len(sets):
        raise NotFound(
            f"No objects of {query.space.name!r} have vectors from crops here yet: see ovstore describe --help"
        )
    if not without:
        return None
    instead = "left out" if query.vectors == "crops" else "compared by fused vectors alone"
    lacking = f"{counted(without, 'scene')} of {len(sets)} without vectors from crops"
    return f"{lacking}: {instead}. To make them: ovstore describe"
