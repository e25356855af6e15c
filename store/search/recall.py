"""How much of the truth an index finds: recall against exact search, for the mean and for the worst query.

A mean hides what hurts: a graph or a cell index can miss everything for a single sentence while its mean is 99 %.
Queries are of the three kinds that are asked: regions (`--like`), what regions have that others have not (text vectors
lie outside the cloud of region vectors, their cosines are small and their best answers far apart; a region's vector
less the common mean is of that kind), and real text vectors where they are given.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core import plugins
from ..postgres.database import Database
from . import region_vectors
from .region_vectors import Found, RegionVectors

Search = Callable[[NDArray[np.float32], int], Found]


@dataclass(frozen=True)
class Recall:
    """The share of exact's best `count` regions that were found."""

    mean: float  # over the queries
    worst: float  # of any one query
    queries: int
    count: int


def measure(
    store: Database,
    name: str,
    space_id: int,
    level: str,
    text_vectors: NDArray[np.float32] | None = None,
    count: int = 10,
    samples: int = 100,
) -> Recall:
    """The recall of index `name` on the store's own regions, and on (n, dim) text vectors where they are given."""
    table = region_vectors.current(store, space_id, level)
    queries = sample_queries(table, samples, np.random.default_rng(0))
    if text_vectors is not None:
        queries = np.concatenate([queries, text_vectors.astype(np.float32)])
    plugin = plugins.load("store.search.indexes", name)
    truth = exact_scores_of(table, queries, count)
    return compare(truth, lambda vector, n: plugin.search(store, space_id, level, vector, n), queries, count)


def exact_scores_of(table: RegionVectors, queries: NDArray[np.float32], count: int) -> list[NDArray[np.float32]]:
    """The scores of the best regions for each query, best first."""
    return [table.best(query, count)[1] for query in queries]


def compare(truth: Sequence[NDArray[np.float32]], search: Search, queries: NDArray[np.float32], count: int) -> Recall:
    """The recall of one way to search; a region that ties with the last of exact's counts as found."""
    shares = [
        int((search(query, count)[1] >= true[-1]).sum()) / len(true)
        for query, true in zip(queries, truth, strict=True)
        if len(true)
    ]
    found = np.array(shares or [1.0])
    return Recall(float(found.mean()), float(found.min()), len(shares), count)


def sample_queries(table: RegionVectors, samples: int, random: np.random.Generator) -> NDArray[np.float32]:
    """(<= 2 * samples, dim) unit length: regions as they are, and less the mean of all."""
    rows = table.rows_of_sets(list(table.spans))
    if len(rows) == 0:
        return np.empty((0, table.vectors.shape[1]), np.float32)
    mean = table.vectors[np.sort(random.choice(rows, min(len(rows), 20_000), replace=False))].mean(0, dtype=np.float64)
    picked = table.vectors[np.sort(random.choice(rows, min(len(rows), samples), replace=False))].astype(np.float64)
    queries = np.concatenate([picked, picked - mean])
    lengths = np.linalg.norm(queries, axis=1)
    useful = lengths > 1e-3  # where all regions are alike, nothing is left without the mean
    return (queries[useful] / lengths[useful, None]).astype(np.float32)
