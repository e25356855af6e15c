"""Which superpoints are one thing, on trees whose answers are worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest
from ovstore.core.errors import BadInput
from ovstore.core.features import EmbeddingSpace, Query
from ovstore.core.thing_options import ThingOptions
from ovstore.core.things import ThingTree
from ovstore.store.search.things.branches import Branches
from ovstore.store.search.things.candidates import Candidate
from ovstore.store.search.things.grouping import Grouping, Grown
from ovstore.store.search.things.ranking import folded, ranked
from thing_tree import directions, tree

ASKED = np.array([1, 0], np.float32)
CHAIN = [(number, number + 1) for number in range(5)]
# A toy of head, body and ear; a shelf, a wall and a floor. 0 degrees is the question.
TOY = tree(directions(0, 10, 14, 60, 80, 85), [(0, 1), (6, 2), (4, 5), (3, 8), (7, 9)], CHAIN)


def things(of: ThingTree, options: ThingOptions | None = None) -> list[Grown]:
    branches = Branches(of)
    grouping = Grouping(branches, branches.unit @ ASKED, options or ThingOptions())
    found = []
    while grouping.next_score > -np.inf:
        found.append(grouping.grow())
    return found


def leaves(found: list[Grown]) -> list[list[int]]:
    return [each.leaves.tolist() for each in found]


def test_head_body_and_ear_are_one_toy() -> None:
    first = things(TOY)[0]
    assert first.leaves.tolist() == [0, 1, 2]
    assert first.node == 7 and first.seed == 0 and first.point_count == 300


def test_the_bytes_of_a_tree_in_use_are_those_of_every_array_it_holds() -> None:
    wide = replace(TOY, vectors=np.tile(TOY.vectors, (1, 256)))  # half the size of the unit vectors made of them
    held = wide.nbytes + Branches(wide).unit.nbytes
    assert held <= Branches(wide).nbytes < 1.5 * held + 5000


def test_every_superpoint_is_in_one_thing() -> None:
    assert sorted(leaf for each in leaves(things(TOY)) for leaf in each) == list(range(6))


def test_seeds_come_best_first() -> None:
    branches = Branches(TOY)
    scores = branches.unit @ ASKED
    seeds = [scores[each.seed] for each in things(TOY)]
    assert seeds == sorted(seeds, reverse=True)


def test_a_climb_stops_where_the_larger_part_answers_too_little() -> None:
    """Thresholds read off the tree: between what the toy and what head and body answer."""
    branches = Branches(TOY)
    score = branches.unit @ ASKED
    whole = score[TOY.root]
    answers = {node: float((score[node] - whole) / (score[0] - whole)) for node in (1, 2, 6, 7)}
    alone = ThingOptions(grow=2)  # F adds nothing
    between = (answers[6] + answers[7]) / 2
    assert leaves(things(TOY, replace(alone, parent=between, sibling=0)))[0] == [0, 1]
    assert leaves(things(TOY, replace(alone, parent=answers[7] - 0.01, sibling=0)))[0] == [0, 1, 2]
    assert leaves(things(TOY, replace(alone, parent=answers[6] + 0.01, sibling=0)))[0] == [0]
    assert leaves(things(TOY, replace(alone, parent=0, sibling=answers[2] + 0.01)))[0] == [0, 1]


def test_an_example_asks_more_of_what_is_around_than_words_do() -> None:
    words = ThingOptions(parent=0.5, sibling=0.4, grow=0.9)
    example = words.for_examples()
    assert (example.parent, example.sibling, example.grow) == pytest.approx((0.7, 0.64, 0.94))
    assert replace(example, parent=0.5, sibling=0.4, grow=0.9) == words
    shelf = tree(directions(0, 20, 85), [(0, 1), (3, 2)], [(0, 1), (1, 2)])
    assert [leaves(things(shelf, each))[0] for each in (ThingOptions(), ThingOptions().for_examples())] == [[0, 1], [0]]


def test_a_sliver_is_not_asked_whether_it_answers() -> None:
    nose = tree(directions(0, 70, 85), [(0, 1), (3, 2)], [(0, 1), (1, 2)], points=[1000, 40, 1000])
    assert leaves(things(nose))[0] == [0, 1]
    large = tree(directions(0, 70, 85), [(0, 1), (3, 2)], [(0, 1), (1, 2)], points=[1000, 60, 1000])
    assert leaves(things(large))[0] == [0]


def test_what_touches_and_answers_is_added_and_what_does_not_touch_is_not() -> None:
    """The tree merged the second part with the shelf first: the climb cannot have it, growing does."""
    parts = directions(0, 10, 60, 85)
    apart = [(1, 2), (0, 4), (5, 3)]
    touching = tree(parts, apart, [(0, 1), (1, 2), (2, 3)])
    assert leaves(things(touching))[0] == [0, 1]
    beside = tree(parts, apart, [(0, 2), (1, 2), (2, 3)])
    assert leaves(things(beside))[0] == [0]


def test_what_touches_but_has_another_colour_is_not_added() -> None:
    parts = directions(0, 20, 60, 85)
    color = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 0], [0, 0, 0]])
    apart, contact = [(1, 2), (0, 4), (5, 3)], [(0, 1), (1, 2), (2, 3)]
    assert leaves(things(tree(parts, apart, contact, same=0.98)))[0] == [0, 1]
    assert leaves(things(tree(parts, apart, contact, color=color, same=0.98)))[0] == [0]


def test_two_objects_from_masks_are_never_one_thing() -> None:
    twins = directions(0, 3, 2, 80)
    merges, contact = [(0, 1), (4, 2), (5, 3)], [(0, 1), (1, 2), (2, 3)]
    assert leaves(things(tree(twins, merges, contact)))[0] == [0, 1, 2]
    for mask_object in ([0, 1, 1, -1], [0, -1, 1, -1]):
        found = leaves(things(tree(twins, merges, contact, mask_object=mask_object)))
        assert not any(0 in own and 2 in own for own in found)


def test_a_thing_of_a_node_has_its_vector_and_a_grown_one_the_mean() -> None:
    assert np.array_equal(things(TOY)[0].vector, TOY.vectors[7])
    touching = tree(directions(0, 10, 60, 85), [(1, 2), (0, 4), (5, 3)], [(0, 1), (1, 2), (2, 3)])
    expected = directions(0, 10).sum(axis=0)
    assert np.allclose(things(touching)[0].vector, expected / np.linalg.norm(expected), atol=1e-3)


def test_what_does_not_answer_keeps_to_the_objects_of_the_tree() -> None:
    """Leaves 3 to 5 score no more than the scene: a climb by score would end at the whole scene."""
    rest = things(TOY)[1:]
    assert all(each.lift <= 0 for each in rest)
    assert leaves(rest) == [[3, 4, 5]]
    doubtful = replace(TOY, doubt=np.where(np.arange(11) == 9, 0.6, TOY.doubt))
    assert leaves(things(doubtful)[1:]) == [[3], [4, 5]]


def candidate(grown: Grown, feature_set: int = 1) -> Candidate:
    seed = grown.branches.tree.vectors[grown.seed]
    return Candidate(feature_set, seed, grown.vector, grown.lift, grown.point_count, grown)


def query(background: np.ndarray | None = None) -> Query:
    return Query(ASKED, EmbeddingSpace("toy/2", 2, "", logit_scale=10.0), background=background)


def test_the_fit_is_what_the_documentation_says() -> None:
    [one, *_] = ranked([candidate(each) for each in things(TOY)], query())
    seed, pooled = float(TOY.vectors[0] @ ASKED), float(TOY.vectors[7] @ ASKED)
    lift = seed - float(Branches(TOY).unit[TOY.root] @ ASKED)
    assert one.fit == pytest.approx((seed + pooled) / 2 + 0.015 * lift * np.log(300), abs=1e-3)
    rival = directions(30)
    [rivalled, *_] = ranked([candidate(things(TOY)[0])], query(rival))
    odds = np.exp(10 * (float(rival[0] @ TOY.vectors[7]) - pooled))
    assert rivalled.probability == pytest.approx(1 / (1 + odds), abs=1e-3)
    assert rivalled.fit == pytest.approx(one.fit + 3 * np.log(rivalled.probability) / 10, abs=1e-3)


def test_a_rival_that_fits_better_puts_a_thing_last() -> None:
    """Two things with equal scores on either side of the question; the rival is on one of them."""
    sides = tree(directions(20, -20, 90, 91), [(2, 3), (0, 1, 4)], [(2, 3)])
    found = [candidate(each) for each in things(sides)[:2]]
    assert [each.grown.seed for each in found if each.grown] == [0, 1]
    assert [each.candidate.grown.seed for each in ranked(found, query(directions(25))) if each.candidate.grown] == [
        1,
        0,
    ]


def test_a_smaller_thing_that_touches_an_earlier_one_is_its_part() -> None:
    alone = ThingOptions(grow=2, parent=2)
    head, body, ear, *_ = [candidate(each) for each in things(TOY, alone)]
    [toy] = folded(ranked([head, body], query()))
    assert [part.candidate for part in toy.parts] == [body]
    assert len(folded(ranked([head, ear], query()))) == 2  # they do not touch
    elsewhere = replace(body, feature_set=2)
    assert len(folded(ranked([head, elsewhere], query()))) == 2
    larger = replace(body, point_count=101)
    assert [len(one.parts) for one in folded(ranked([head, larger], query()))] == [0, 0]


def test_constants_that_are_none_are_refused() -> None:
    with pytest.raises(BadInput, match="parent is nan"):
        ThingOptions(parent=float("nan"))
    with pytest.raises(BadInput, match="candidates is 0"):
        ThingOptions(candidates=0)
