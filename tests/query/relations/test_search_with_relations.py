"""Searches that say where a thing stands, on a room whose truth is known: in Python, by options, in one sentence."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import ovstore as package
import pytest
import toy_room
from command_line import ovstore
from ovstore.core.errors import Misused, NotFound
from ovstore.core.features import Answer
from ovstore.query.relations import (
    Behind,
    Below,
    Between,
    FarthestFrom,
    InFrontOf,
    Largest,
    LeftOf,
    Near,
    NearestTo,
    Not,
    On,
    Or,
    RightOf,
)  # fmt: skip
from ovstore.query.relations.expressions import Relation
from ovstore.store.postgres.database import Database


@pytest.fixture(scope="module")
def asked(shared_store: Database, tmp_path_factory: pytest.TempPathFactory) -> Database:
    room = toy_room.write(tmp_path_factory.mktemp("scans") / "room")
    result = ovstore(shared_store, "ingest", "rgbd", room, "--encoder", "color_words")
    assert result.exit_code == 0, result.output
    return shared_store


def box_of(hit: Any) -> str | None:
    """The coloured box that a hit is."""
    for colour, (low, high, _) in toy_room.BOXES.items():
        if np.all(np.array(hit.centre) > np.array(low) - 0.06) and np.all(np.array(hit.centre) < np.array(high) + 0.06):
            return colour
    return None


def search(store: Database, words: str, *relations: Relation, **options: Any) -> Answer:
    return package.search(store, words, relations=relations, **options)


@pytest.mark.parametrize(
    ("words", "relation", "landmark", "metres"),
    [
        ("red", Near("pink"), "pink", 0.4),
        ("yellow", Near("pink"), "pink", 0.47),
        ("green", Near("blue", 0.6), "blue", 0.5),
        ("red", Not(Near("green")), None, None),
        ("red", Or(Near("green"), Near("pink")), "pink", 0.4),
        ("yellow", NearestTo("pink"), "pink", 0.47),
        ("red", FarthestFrom("green"), "green", 1.17),
        ("blue", RightOf("pink", "0000"), "pink", 0.55),
        ("red", Behind("pink", "0000"), "pink", 0.4),
    ],
)  # fmt: skip
def test_the_first_hit_stands_where_it_should_and_names_what_made_it_so(
    asked: Database, words: str, relation: Relation, landmark: str | None, metres: float | None
) -> None:
    answer = search(asked, words, relation)
    assert box_of(answer[0]) == words
    assert str(relation).partition(" and ")[0].split(" or ")[0].split()[0] in answer.question
    if landmark is None:
        assert answer[0].landmarks == ()
    else:
        [found] = answer[0].landmarks
        assert box_of(found.hit) == landmark
        assert found.distance == pytest.approx(metres, abs=0.08)
        frames = {view.frame for view in answer[0].evidence}
        assert frames and frames <= {view.frame for view in found.hit.evidence}, "they show both"


def test_something_between_two_names_both(asked: Database) -> None:
    answer = search(asked, "pink", Between("red", "green"))
    assert box_of(answer[0]) == "pink"
    assert [box_of(one.hit) for one in answer[0].landmarks] == ["red", "green"]


@pytest.mark.parametrize(
    ("words", "relation"),
    [
        ("red", Near("green")), ("red", On("pink")), ("blue", LeftOf("pink", "0000")),
        ("red", InFrontOf("pink", "0000")), ("red", Below("pink")),
    ],
)  # fmt: skip
def test_a_thing_that_stands_elsewhere_is_no_hit_and_it_is_said(
    asked: Database, words: str, relation: Relation
) -> None:
    answer = search(asked, words, relation)
    assert words not in [box_of(hit) for hit in answer]
    if not answer:
        assert answer.probably_here is False
        assert answer.notes[-1].endswith(f"none is {relation}.")


def test_a_relation_and_its_contrary_share_the_things_among_them(asked: Database) -> None:
    near, far, all_of = (
        {hit.name for hit in package.search(asked, "red", relations=said, top=100)}
        for said in ([Near("pink")], [Not(Near("pink"))], [])
    )
    assert near | far == all_of
    assert not near & far


def test_a_landmark_that_is_not_there_is_named(asked: Database) -> None:
    answer = search(asked, "red", Near("purple"))
    assert answer.probably_here is False
    assert any(note.startswith('Probably no "purple" here') for note in answer.notes)
    assert not any("pink" in note for note in search(asked, "red", Near("pink")).notes)


def test_an_order_begins_with_the_nth(asked: Database) -> None:
    whole = search(asked, "red", Largest(), top=5)
    assert len(search(asked, "red", Largest(2), top=5)) == len(whole) - 1
    sizes = [float(np.linalg.norm(hit.oriented_box.size)) for hit in whole]
    assert sizes == sorted(sizes, reverse=True)


def test_filters_hold_beside_relations(asked: Database) -> None:
    assert box_of(search(asked, "red", Near("pink"), where="size_z > 0.4")[0]) == "red"
    assert "red" not in [box_of(hit) for hit in search(asked, "red", Near("pink"), where="size_z > 0.9")]
    assert len(search(asked, "red", Not(Near("green")), top=2)) == 2
    with pytest.raises(NotFound):
        search(asked, "red", Near("pink"), scenes="nowhere")


SAID = [
    (["red", "--near", "pink"], "red near pink", [Near("pink")]),
    (["red", "--near", "pink", "--within", "0.45", "--not-near", "green"],
     "red near pink within 0.45 and not near green within 0.45", [Near("pink", 0.45), Not(Near("green", 0.45))]),
    (["pink", "--between", "red", "green"], "pink between red and green", [Between("red", "green")]),
    (["red", "--largest", "--not-on", "pink"], "largest red not on pink", [Not(On("pink")), Largest()]),
    (["red", "--nearest-to", "green", "--nth", "2"], "red second nearest to green", [NearestTo("green", 2)]),
    (["blue", "--right-of", "pink", "--seen-from", "0000"], "blue right of pink seen from 0000",
     [RightOf("pink", "0000")]),
]  # fmt: skip


@pytest.mark.parametrize(("options", "sentence", "relations"), SAID)
def test_options_a_sentence_and_python_say_the_same(
    asked: Database, options: list[str], sentence: str, relations: list[Relation]
) -> None:
    by_options, by_sentence = (
        json.loads(ovstore(asked, "search", *typed, "--json").stdout) for typed in (options, ["--ask", sentence])
    )
    assert by_options["hits"] == by_sentence["hits"]
    assert by_options["hits"] == json.loads(json.dumps(search(asked, options[0], *relations).to_dict()["hits"]))


def test_the_command_prints_what_made_it_true(asked: Database) -> None:
    result = ovstore(asked, "search", "red", "--near", "pink", "--top", 1)
    assert result.exit_code == 0, result.output
    line = result.stdout.splitlines()[-1]
    assert line.startswith('1  near "pink": room:')
    assert " m, both in 00" in line


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["--ask", "red near"], "Words were expected for the landmark of 'near', not the end, at character 9"),
        (["--ask", "red near pink", "--near", "blue"], "--ask says it all in one sentence"),
        (["red", "--on", "pink", "--not-on", "pink"], "The relations contradict each other: on \"pink\" and not on"),
        (["red", "--within", "0.5"], "--within is the distance of --near or --beside: give one of them."),
        (["red", "--near", "pink", "--within", "-1"], "a positive number of metres is needed"),
        (["red", "--left-of", "pink"], "need --seen-from FRAME"),
        (["red", "--largest", "--smallest"], "A query can ask for one of its things, not for largest and smallest"),
        (["--ask", "word " * 2000], "The sentence has 2,000 words; at most 200 are understood."),
        (["red", "--near", " "], "The landmark of 'near' has no words."),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_in_a_sentence(asked: Database, typed: list[str], said: str) -> None:
    result = ovstore(asked, "search", *typed)
    assert result.exit_code == 2
    assert said in result.stderr


def test_the_caret_points_at_the_mistake(asked: Database) -> None:
    lines = ovstore(asked, "search", "--ask", "red near and on pink").stderr.splitlines()
    assert lines[-2:] == ["red near and on pink", "         ^"]


def test_a_frame_that_is_not_there_is_named(asked: Database) -> None:
    with pytest.raises(NotFound, match="No frame named '9999' in the scenes that are searched"):
        search(asked, "red", LeftOf("pink", "9999"))


def test_a_frame_name_of_two_scenes_needs_its_scene(store: Database, tmp_path: Path) -> None:
    for name in ("first", "second"):
        assert (
            ovstore(store, "ingest", "rgbd", toy_room.write(tmp_path / name, 4), "--encoder", "color_words").exit_code
            == 0
        )
    with pytest.raises(Misused, match="2 scenes have a frame named '0000': write SCENE:0000"):
        search(store, "blue", RightOf("pink", "0000"))
    for said in (search(store, "blue", RightOf("pink", "second:0000")),
                 search(store, "blue", RightOf("pink", "0000"), scenes="second")):  # fmt: skip
        assert {hit.scene for hit in said} <= {"second"}
