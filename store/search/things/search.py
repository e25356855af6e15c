"""Things as hits: candidates that pass the filters, ranked, smaller ones that touch listed as parts."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from ....core.cancelling import step
from ....core.features import Hit, Query
from ...postgres.database import Database
from .. import filters, region_vectors
from ..probability import HERE, probabilities
from ..region_vectors import Found, RegionVectors
from ..scoring import exact_scores
from ..space_state import SpaceState
from . import stored_objects, trees
from .candidates import Candidate, grown_candidates, merged, object_candidates
from .conditions import things_where
from .crops import by_crops
from .loading import load_things
from .ranking import Ranked, folded, ranked

_MOST = 1000  # candidates among which those are sought that are likely
Propose = Callable[[str, RegionVectors, int, NDArray[np.int64] | None], Found]  # level, table, count, the only ids


def thing_hits(store: Database, query: Query, state: SpaceState, propose: Propose) -> tuple[list[Hit], tuple[str, ...]]:
    """The hits, best fit first, and notes on them; see docs/search.md."""
    candidates, notes = _asked(store, query, state, propose)
    found = _best(store, query, state, candidates)
    step()
    with store.autocommit() as connection:
        loaded = load_things(connection, store.path, found)
    return [hit for _, hit in loaded], notes


def likely_things(
    store: Database, query: Query, state: SpaceState, propose: Propose
) -> tuple[list[Ranked], tuple[str, ...]]:
    """All things that probably are what was asked for, and what comes nearest: at least `top` candidates.

    Best fit first, with notes on them. Nothing is looked up of them: `load_things` makes hits of some.
    """
    candidates, notes = _asked(store, query, state, propose)
    passing: list[Candidate] = []
    while True:
        step()
        batch = list(islice(candidates, query.thing_options.candidates))
        kept = _passing(store, query, state, batch)
        passing += kept
        enough = len(passing) >= query.top and not _any_likely(query, kept, HERE)
        if enough or len(passing) >= max(_MOST, query.top) or len(batch) < query.thing_options.candidates:
            return folded(ranked(passing, query)), notes


def _asked(
    store: Database, query: Query, state: SpaceState, propose: Propose
) -> tuple[Iterator[Candidate], tuple[str, ...]]:
    """All things of the scenes that are asked, best seed first, and notes on them."""
    chosen = filters.chosen_sets(store, query, state.space_id)
    sets = [key[0] for key in state.ready if chosen is None or key[0] in chosen]
    with_tree = trees.held(store, sets)
    notes = tuple(_notes(query, len(sets), len(sets) - len(with_tree)))
    return _candidates(store, query, state, propose, sets, with_tree), notes


def _candidates(
    store: Database,
    query: Query,
    state: SpaceState,
    propose: Propose,
    sets: Sequence[int],
    with_tree: frozenset[int],
) -> Iterator[Candidate]:
    """All things of the feature sets, best seed first."""

    def finder(level: str, own: list[int]) -> tuple[RegionVectors, Callable[[int], Found]]:
        with region_vectors.holding(store, state, level) as table:
            only = table.ids[table.rows_of_sets(own)] if len(own) < len(table.spans) else None

        def find(count: int) -> Found:
            with region_vectors.holding(store, state, level):
                return propose(level, table, count, only)

        return table, find

    without = [number for number in sets if number not in with_tree]
    sources = []
    if with_tree:
        table, find = finder("superpoint", [number for number in sets if number in with_tree])
        sources.append(grown_candidates(query, table, find, lambda number: trees.branches(store, number)))
    if without:
        table, find = finder("object", without)
        sources.append(object_candidates(query, table, find, lambda ids: stored_objects.load(store, ids)))
    return merged(query, *sources)


def _best(store: Database, query: Query, state: SpaceState, candidates: Iterator[Candidate]) -> list[Ranked]:
    """The `top` things that pass the filters; more candidates are taken until there are as many, or no more."""
    passing: list[Candidate] = []
    wanted = query.thing_options.candidates
    while True:
        step()
        batch = list(islice(candidates, wanted))
        passing += _passing(store, query, state, batch)
        exhausted = len(batch) < wanted
        if len(passing) >= query.thing_options.candidates or exhausted:
            found = folded([one for one in ranked(passing, query) if is_likely(query, one.probability)])
            if len(found) >= query.top or exhausted or _hopeless(query, batch):
                return found[: query.top]
        wanted = max(query.thing_options.candidates, len(passing))


def _passing(store: Database, query: Query, state: SpaceState, batch: list[Candidate]) -> list[Candidate]:
    """Those that the query does not exclude; things of a single point are noise, and have no extent to show."""
    kept = by_crops(store, query, state, [each for each in batch if each.point_count > 1])
    if query.excluded is not None and kept:
        vectors = np.stack([each.vector for each in kept])
        closest = np.max([exact_scores(vectors, vector) for vector in query.excluded], axis=0)
        scores = exact_scores(vectors, query.vector)
        kept = [each for each, fits in zip(kept, scores >= closest, strict=True) if fits]
    if query.where is not None and kept:
        holds = things_where(store, query.where, kept)
        kept = [each for each, fits in zip(kept, holds, strict=True) if fits]
    return kept


def is_likely(query: Query, probability: float | None) -> bool:
    """Whether a hit of that probability may be shown."""
    return query.min_probability is None or probability is None or probability >= query.min_probability


def _hopeless(query: Query, batch: list[Candidate]) -> bool:
    """Whether none of the last candidates is likely enough: those after them answer less."""
    return query.min_probability is not None and not _any_likely(query, batch, query.min_probability)


def _any_likely(query: Query, candidates: list[Candidate], least: float) -> bool:
    """Whether the probability of one of them is as high as that."""
    if not candidates:
        return False
    chances = probabilities(np.stack([each.vector for each in candidates]), query)
    return any(chance is not None and chance >= least for chance in chances)


def _notes(query: Query, sets: int, without_tree: int) -> Iterator[str]:
    if without_tree:
        yield trees.missing_note(without_tree, sets)
    if sets == 1 and query.background is not None:
        yield (
            "Only one scene was searched, and its things were weighed against everyday words alone. A single scene "
            "lacks most things that can be asked for, so the probability says too much rather than too little."
        )
