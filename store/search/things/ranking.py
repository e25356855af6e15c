"""Which thing is the first hit: how well it fits the question, and what is only a part of an earlier one.

    fit = (seed + pooled) / 2 + 3 ln(probability) / logit_scale + 0.015 lift ln(points)

`seed` is the score of the superpoint that the thing grew from, `pooled` that of all of it, `lift` what the seed's score
exceeds the scene's by; the numbers are in ThingOptions. Without a background there is no probability to count.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ....core.features import Query
from ..probability import probabilities
from ..scoring import exact_scores
from .candidates import Candidate

_LEAST = 1e-30  # a probability of 0 has no logarithm


@dataclass(frozen=True, eq=False)
class Ranked:
    """A candidate with what it is ranked by."""

    candidate: Candidate
    score: float  # of all of it
    probability: float | None
    fit: float
    parts: tuple["Ranked", ...] = ()


def ranked(candidates: Sequence[Candidate], query: Query) -> list[Ranked]:
    """Best fit first; equals in the order given."""
    if not candidates:
        return []
    vectors = np.stack([each.vector for each in candidates])
    pooled = exact_scores(vectors, query.vector)
    seeds = exact_scores(np.stack([each.seed_vector for each in candidates]), query.vector)
    chances = probabilities(vectors, query)
    options, scale = query.thing_options, query.space.logit_scale
    found = []
    for each, seed, score, chance in zip(candidates, seeds.tolist(), pooled.tolist(), chances, strict=True):
        fit = (seed + score) / 2 + options.size_weight * each.lift * float(np.log(each.point_count))
        if chance is not None and scale > 0:
            fit += options.rival_weight * float(np.log(max(chance, _LEAST))) / scale
        found.append(Ranked(each, score, chance, fit))
    return sorted(found, key=lambda one: -one.fit)


def folded(found: Sequence[Ranked]) -> list[Ranked]:
    """Without those that touch an earlier one of their scene and are no larger: these are its parts."""
    kept: list[tuple[Ranked, list[Ranked]]] = []
    for one in found:
        whole = next((parts for earlier, parts in kept if _is_part(one.candidate, earlier.candidate)), None)
        if whole is None:
            kept.append((one, []))
        else:
            whole.append(one)
    return [Ranked(one.candidate, one.score, one.probability, one.fit, tuple(parts)) for one, parts in kept]


def _is_part(later: Candidate, earlier: Candidate) -> bool:
    if later.grown is None or earlier.grown is None or later.feature_set != earlier.feature_set:
        return False
    return later.point_count <= earlier.point_count and later.grown.touches(earlier.grown)
