"""Ranks, AUROC and average precision against their definitions, ties among the scores."""

import math
from itertools import combinations

import numpy as np
import pytest
from ovstore.evaluation.retrieval import ranking
from sklearn.metrics import average_precision_score, roc_auc_score


@pytest.mark.parametrize("seed", range(20))
def test_auroc_is_scikit_learns(seed: int) -> None:
    random = np.random.default_rng(seed)
    scores = random.integers(0, 6, 40) / 7 if seed % 2 else random.normal(size=40)
    right = random.random(40) < 0.3
    found = ranking.auroc(scores[right], scores[~right])
    assert found == pytest.approx(roc_auc_score(right, scores), abs=1e-9)
    assert math.isnan(ranking.auroc(scores, scores[:0]))


@pytest.mark.parametrize("seed", range(20))
def test_average_precision_is_that_of_a_slow_loop(seed: int) -> None:
    random = np.random.default_rng(seed)
    scores = random.integers(0, 8, 30) / 7 if seed % 2 else random.normal(size=30)
    found, wanted = np.flatnonzero(random.random(30) < 0.3), 12
    total = 0.0
    for threshold in sorted(set(scores.tolist())):  # a step of recall, times the precision of all down to it
        down_to = scores >= threshold
        gained = int((scores[found] == threshold).sum())
        total += gained / wanted * (down_to[found].sum() / down_to.sum())
    assert ranking.average_precision(scores, found, wanted) == pytest.approx(total, abs=1e-12)
    if len(found):
        every = average_precision_score(np.isin(np.arange(30), found), scores)
        assert ranking.average_precision(scores, found, len(found)) == pytest.approx(every, abs=1e-12)


def test_each_thing_is_found_once_and_by_one_region() -> None:
    scores = np.array([0.9, 0.8, 0.7, 0.6])
    row, thing = np.array([0, 0, 1, 1, 2, 3]), np.array([5, 6, 5, 6, 6, 7])
    iou = np.array([0.4, 0.3, 0.3, 0.26, 0.9, 0.5])
    # the best takes 5, which fits it best; the next has 6 left, the third nothing
    assert ranking.claimed(scores, row, thing, iou).tolist() == [0, 1, 3]
    assert ranking.claimed(np.ones(4), row[::-1], thing[::-1], iou[::-1]).tolist() == [0, 1, 3]


def test_a_tie_is_lost() -> None:
    right = np.array([False, True, False])
    assert ranking.first_rank(np.array([0.5, 0.5, 0.1]), right) == 2
    assert ranking.first_rank(np.full(3, -np.inf), right) == 3
    assert ranking.first_rank(np.array([0.5, 0.6, 0.1]), right) == 1


@pytest.mark.parametrize(("right", "of"), [(1, 1), (1, 7), (3, 7), (7, 7)])
def test_chance_is_the_mean_of_all_orders(right: int, of: int) -> None:
    ranks = np.array([1 + min(places) for places in combinations(range(of), right)])
    drawn, expected = ranking.by_chance(np.array([right, right]), of), ranking.of_ranks(ranks)
    assert (drawn.recall_at_1, drawn.recall_at_5, drawn.mrr) == pytest.approx(
        (expected.recall_at_1, expected.recall_at_5, expected.mrr)
    )
    assert drawn.median_rank == np.sort(ranks)[(len(ranks) - 1) // 2]
