"""Figures of things, worked out by hand for two chairs, a table and a wall of two superpoints each."""

import numpy as np
import pytest
from ovstore.evaluation.things.measures import Overlap, QuestionFigures, SceneTruth, question_figures, scene_truth

NAMES = ("chair", "chair", "table", "wall")


def truth() -> SceneTruth:
    """Superpoint 2t and 2t + 1 are thing t, of 10 points each; superpoint 8 is nothing of 10 points."""
    superpoint = np.repeat(np.arange(9), 10)
    thing = np.where(superpoint < 8, superpoint // 2, -1)
    return scene_truth(superpoint, thing, NAMES)


def figures(*hits: tuple[int, ...], name: str = "chair") -> QuestionFigures:
    return question_figures([("room", hit) for hit in hits], {"room": truth()}, name)


def test_a_whole_chair_is_right_and_fits() -> None:
    found = figures((0, 1), (2, 3))
    assert found == QuestionFigures(True, 1.0, (1.0, 1.0), 0, 0, False, 0.0)


def test_half_a_chair_is_right_and_fits_by_half() -> None:
    found = figures((0,), (1,))
    assert (found.right, found.iou) == (True, 0.5)
    assert found.ap == (0.5, 0.5)  # of two chairs, one was found; the other half claims nothing more
    assert (found.twice, found.twice_any) == (1, 1)


def test_a_table_is_no_chair() -> None:
    found = figures((4, 5), (0, 1))
    assert (found.right, found.iou) == (False, 0.0)
    assert found.ap == (0.25, 0.25)  # one of two chairs, at the second place


def test_two_chairs_in_one_hit_are_merged_and_a_chair_with_the_wall_is_not() -> None:
    both = figures((0, 1, 2), (4,))
    assert both.right and both.merged and both.merged_share == 0.5
    assert both.iou == pytest.approx(20 / 30)
    assert not figures((0, 1, 6, 7)).merged


def test_exactly_half_of_the_points_is_not_most_of_them() -> None:
    assert not figures((0, 8)).right
    assert Overlap.of(truth(), (0, 8)).main is None
    assert figures((0, 1, 8)).right


def test_the_same_table_twice_counts_for_no_chair() -> None:
    found = figures((0, 1), (4,), (5,), (8,))
    assert (found.twice, found.twice_any) == (0, 1)


def test_no_hits_are_wrong() -> None:
    assert figures() == QuestionFigures(False, 0.0, (0.0, 0.0), 0, 0, False, 0.0)
