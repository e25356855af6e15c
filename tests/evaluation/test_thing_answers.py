"""Figures of a benchmark of things, worked out by hand for a house of two rooms."""

import math

import numpy as np
import pytest
from ovstore.evaluation.things.answers import FoundThing, Measured, measured, twins_asked
from ovstore.evaluation.things.figures import Group, ThingFigures
from ovstore.evaluation.things.measures import SceneTruth, scene_truth
from ovstore.evaluation.things.report import ThingReport


def room(*names: str) -> SceneTruth:
    """Superpoints 2t and 2t + 1 are thing t, ten points each."""
    superpoint = np.repeat(np.arange(2 * len(names)), 10)
    return scene_truth(superpoint, superpoint // 2, names)


TRUTHS = {"one": room("mug", "chair", "chair"), "two": room("lamp", "chair", "wall")}


def hit(scene: str, *superpoints: int, probability: float = 0.9) -> FoundThing:
    return FoundThing(scene, superpoints, 0.3, probability)


def asked(label: str, *hits: FoundThing, needle: bool = True) -> Measured:
    return measured(label, "name", 0, needle, hits, TRUTHS)


def figures(*records: Measured) -> ThingFigures:
    return ThingFigures(records, (), frozenset())


def test_a_needle_in_the_second_room_that_comes_up_has_rank_two() -> None:
    found = asked("mug", hit("two", 0), hit("two", 2), hit("one", 0, 1))
    assert (found.scene_rank, found.right, found.points) == (2, False, 20)
    group = Group((found, asked("mug", hit("one", 0, 1))))
    assert (group.recall_at_1, group.recall_at_5, group.right) == (0.5, 1.0, 0.5)


def test_a_needle_whose_room_never_comes_up_is_not_found() -> None:
    found = asked("mug", hit("two", 0))
    assert found.scene_rank is None and Group((found,)).recall_at_5 == 0


def test_half_of_a_thing_is_right_and_fits_and_a_tenth_more_than_its_double_does_not() -> None:
    half, double = asked("mug", hit("one", 0)), asked("chair", hit("one", 2, 3, 4, 5, 0))
    assert half.right and half.found
    assert double.right and not double.found  # 20 of 50 points
    assert Group((half, double)).fits == 0.5
    assert Group((half, double)).iou == pytest.approx((0.5 + 0.4) / 2)


def test_absent_kinds_are_called_here_from_one_half_on() -> None:
    said = figures(
        asked("globe", hit("one", 0, probability=0.5)),
        asked("trophy", hit("one", 0, probability=0.4)),
        asked("mug", hit("one", 0, 1, probability=0.7)),
        asked("lamp", hit("one", 2, probability=0.45)),
    )
    assert (said.false_here, said.true_here) == (0.5, 0.5)
    assert said.absent_auroc == 0.75  # .7 beats both, .45 one of the two
    assert said.right_auroc == 1.0


def test_reliability_counts_each_first_hit_in_one_bin() -> None:
    said = figures(
        asked("mug", hit("one", 0, 1, probability=1.0)),
        asked("mug", hit("two", 0, probability=0.8)),
        asked("globe", hit("two", 0, probability=0.4)),
        asked("globe"),
    )
    bins = {each.low: (each.questions, each.said, each.right) for each in said.reliability if each.questions}
    assert bins == {0.8: (2, 0.9, 0.5), 0.4: (1, 0.4, 0.0)}


def test_names_that_are_no_needles_count_for_all_names_alone() -> None:
    said = figures(asked("chair", hit("one", 2, 3), needle=False), asked("mug", hit("one", 0, 1)))
    assert len(said.words().asked) == 2 and len(said.needles("name").asked) == 1


def test_untaught_kinds_are_a_column_of_their_own() -> None:
    record = measured("mug", "other room", 0, True, [hit("one", 0, 1)], TRUTHS)
    said = ThingFigures((record,), (), frozenset({"mug"}))
    assert not said.needles("other room", taught=True).asked
    assert said.needles("other room", taught=False).recall_at_1 == 1


def test_twins_in_one_hit_are_merged_and_a_chair_beside_them_is_not() -> None:
    truth, pair = TRUTHS["one"], (1, 2)
    both = twins_asked("chair", pair, truth, [hit("one", 2, 3, 4), hit("one", 0)])
    apart = twins_asked("chair", pair, truth, [hit("one", 2, 3), hit("one", 5, 4)])
    assert (both.holding_one, both.holding_both) == (1, 1)
    assert (apart.holding_one, apart.holding_both) == (2, 0)
    assert ThingFigures((), (both, apart), frozenset()).twins_merged == pytest.approx(1 / 3)


def test_a_report_has_a_row_for_each_figure_and_none_without_a_picture() -> None:
    said = figures(asked("mug", hit("one", 0, 1)), asked("globe", hit("one", 0, probability=0.2)))
    report = ThingReport("bench", "tiny", 2, 1, said, said, (), 0.01)
    tables = report.tables()
    assert all(len(row) == len(table.columns) for table in tables for row in table.rows)
    assert not any("picture" in row[0] for row in tables[0].rows)
    document = report.to_dict()
    assert document["figures"]["needles by name: scene R@1 %"] == {"things": 1.0, "regions": 1.0}
    assert document["figures"]["twins: both in one hit %"]["things"] is None
    assert math.isclose(document["figures"]["absent kinds called here %"]["things"], 0)
