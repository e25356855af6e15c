"""How good a ranking is: ranks, recall, AUROC, average precision. Numbers only.

Ties never help: what is wrong and scores the same stands before what is right. A method that cannot tell two scenes
apart has not found either of them. (AUROC is the exception, whose definition counts a tie as half.)
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

NAN = float("nan")


@dataclass(frozen=True)
class RankFigures:
    """What is said of many questions at once; recall and MRR are shares from 0 to 1."""

    recall_at_1: float  # share of questions for which something right comes first
    recall_at_5: float  # is among the first five
    mrr: float  # mean of 1 / rank
    median_rank: float


def first_rank(scores: NDArray[np.floating], right: NDArray[np.bool_]) -> int:
    """The place, from 1, of the first of the (n,) candidates that is right; at least one has to be."""
    return 1 + int((scores[~right] >= scores[right].max()).sum())


def of_ranks(ranks: NDArray[np.integer]) -> RankFigures:
    """The figures of (Q,) ranks, nan without any."""
    if not len(ranks):
        return RankFigures(NAN, NAN, NAN, NAN)
    return RankFigures(
        float((ranks <= 1).mean()), float((ranks <= 5).mean()), float((1 / ranks).mean()), float(np.median(ranks))
    )


def by_chance(right: NDArray[np.integer], of: int) -> RankFigures:
    """What a random order of `of` candidates may expect, for (Q,) questions with so many right ones each.

    The median is the least rank that half of all cases reach.
    """
    if not len(right):
        return RankFigures(NAN, NAN, NAN, NAN)
    left = np.arange(of, 0, -1)  # candidates left before each place
    missed = np.cumprod(np.maximum(1 - right[:, None] / left, 0), axis=1)  # (Q, of) none right up to that place
    found = 1 - missed.mean(axis=0)
    odds = np.diff(found, prepend=0.0)
    median = 1 + int(np.searchsorted(found, 0.5 - 1e-12))
    places = np.arange(1, of + 1)
    return RankFigures(float(found[0]), float(found[min(5, of) - 1]), float((odds / places).sum()), float(median))


def auroc(right: NDArray[np.floating], wrong: NDArray[np.floating]) -> float:
    """The chance that one of `right` scores above one of `wrong`, a tie counting half; nan where one is empty."""
    if not len(right) or not len(wrong):
        return NAN
    ranks = rankdata(np.concatenate([right, wrong]))
    above = ranks[: len(right)].sum() - len(right) * (len(right) + 1) / 2
    return float(above / (len(right) * len(wrong)))


def average_precision(scores: NDArray[np.floating], found: NDArray[np.intp], wanted: int) -> float:
    """Mean, over the `wanted` things, of the precision down to where each is found; 0 for those that never are.

    `scores` are of all (n,) candidates, `found` the rows of those that found a thing of their own. No interpolation.
    Candidates of one score are counted down to the last of them.
    """
    reached = np.sort(scores[found])
    hits = len(reached) - np.searchsorted(reached, reached)
    candidates = len(scores) - np.searchsorted(np.sort(scores), reached)
    return float((hits / candidates).sum() / wanted)


def claimed(
    scores: NDArray[np.floating], row: NDArray[np.intp], thing: NDArray[np.integer], iou: NDArray[np.floating]
) -> NDArray[np.intp]:
    """Rows of the candidates that find a thing, each thing found once.

    (K,) pairs say which candidate (`row` of `scores`) fits which `thing`, and how well. The best candidate chooses
    first, of equals the lowest row, and takes the thing it fits best of those left.
    """
    taken: set[int] = set()
    rows: list[int] = []
    order = np.lexsort((-iou, row, -scores[row]))
    for pair in order.tolist():
        if int(thing[pair]) not in taken and (not rows or rows[-1] != row[pair]):
            taken.add(int(thing[pair]))
            rows.append(int(row[pair]))
    return np.array(rows, np.intp)
