"""Sentences become words and relations; what is no sentence is refused with the place of the mistake."""

import numpy as np
import pytest
from ovstore.core.errors import Misused, OvstoreError
from ovstore.query.relations import (
    Above,
    And,
    Behind,
    Below,
    Beside,
    Between,
    FarthestFrom,
    Highest,
    InFrontOf,
    Inside,
    Largest,
    LeftOf,
    Lowest,
    Near,
    NearestTo,
    Not,
    On,
    Or,
    RightOf,
    Smallest,
    Under,
)  # fmt: skip
from ovstore.query.relations.expressions import DEEPEST, MOST_LANDMARKS, Relation, split
from ovstore.query.relations.grammar import MOST_WORDS, BadSentence, parse

SENTENCES = [
    ("lamp", "lamp", ()),
    ('lamp below "dart board" and near sofa', "lamp", (Below("dart board"), Near("sofa"))),
    ("the tall lamp below the dart board near sofa", "tall lamp", (Below("dart board"), Near("sofa"))),
    ("chair near sofa within 0.5", "chair", (Near("sofa", 0.5),)),
    ("chair near the sofa within 2 m and not on table", "chair", (Near("sofa", 2.0), Not(On("table")))),
    ("chair within .75m of sofa", "chair", (Near("sofa", 0.75),)),
    ("chair near lamp within 1 metre of sofa", "chair", (Near("lamp"), Near("sofa", 1.0))),
    ("cup beside plate within 0.3", "cup", (Beside("plate", 0.3),)),
    ("cup next to plate", "cup", (Beside("plate"),)),
    ("cup on table or on desk", "cup", (Or(On("table"), On("desk")),)),
    ("cup on table and near plate or on desk", "cup", (Or(And(On("table"), Near("plate")), On("desk")),)),
    ("cup (on table or on desk) and not near plate", "cup", (Or(On("table"), On("desk")), Not(Near("plate")))),
    ("cup not (on table or under desk)", "cup", (Not(Or(On("table"), Under("desk"))),)),
    ("cup on table, near plate, and below lamp", "cup", (On("table"), Near("plate"), Below("lamp"))),
    ("lamp between sofa and arm chair and above rug", "lamp", (Between("sofa", "arm chair"), Above("rug"))),
    ("book inside bookshelf", "book", (Inside("bookshelf"),)),
    ("largest chair near table", "chair", (Largest(), Near("table"))),
    ("the lamp nearest to sofa", "lamp", (NearestTo("sofa"),)),
    ("the lamp second nearest to the sofa", "lamp", (NearestTo("sofa", 2),)),
    ("lamp farthest from door and on table", "lamp", (FarthestFrom("door"), On("table"))),
    ("second highest shelf", "shelf", (Highest(2),)),
    ("3rd smallest box", "box", (Smallest(3),)),
    ("lowest picture", "picture", (Lowest(),)),
    ("lamp left of sofa seen from 000012", "lamp", (LeftOf("sofa", "000012"),)),
    ('lamp to the right of sofa seen from "room:frame 3"', "lamp", (RightOf("sofa", "room:frame 3"),)),
    ("lamp in front of sofa seen from 0", "lamp", (InFrontOf("sofa", "0"),)),
    ("lamp behind sofa seen from 0 and near door", "lamp", (Behind("sofa", "0"), Near("door"))),
    ('"largest" near "not and or"', "largest", (Near("not and or"),)),
    ('"lamp (on) the left of x" on \'a "quoted" shelf\'', "lamp (on) the left of x", (On('a "quoted" shelf'),)),
    ("“dart board” above ‘sofa’", "dart board", (Above("sofa"),)),
    ("painter's tape ON Table", "painter's tape", (On("Table"),)),
    ("lamp not not on table", "lamp", (Not(Not(On("table"))),)),
    ("left shoe near right shoe", "left shoe", (Near("right shoe"),)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words", "relations"), SENTENCES)
def test_a_sentence_is_read_as_it_is_meant(text: str, words: str, relations: tuple[Relation, ...]) -> None:
    found = parse(text)
    assert (found.words, found.relations) == (words, relations)


@pytest.mark.parametrize("relations", [sentence[2] for sentence in SENTENCES if sentence[2]])
def test_what_relations_are_printed_as_is_read_as_the_same(relations: tuple[Relation, ...]) -> None:
    said = [one for one in relations if not isinstance(one, Largest | Smallest | Highest | Lowest)]
    said = [one for one in said if not (isinstance(one, NearestTo) and one.nth > 1)]
    if said:
        whole = And(*said)
        assert parse(f"thing {whole}").relations == tuple(said)


@pytest.mark.parametrize(
    ("text", "said", "at"),
    [
        ("", "Words were expected for what to look for, not the end", 0),
        ("   ", "Words were expected for what to look for, not the end", 0),
        ("near sofa", "Words were expected for what to look for, not 'near'", 0),
        ("lamp near", "Words were expected for the landmark of 'near', not the end", 9),
        ("lamp near and on table", "Words were expected for the landmark of 'near', not 'and'", 10),
        ("lamp near sofa and", "A relation was expected, such as near, on or below, not the end", 18),
        ("lamp and near sofa", "A relation was expected, such as near, on or below, not 'and'", 5),
        ('lamp near "sofa', "The quote \" is never closed", 10),
        ('lamp near ""', "There is nothing between the quotes", 10),
        ("lamp (near sofa", "The bracket is never closed", 5),
        ("lamp near sofa)", "')' is one too many", 14),
        ("lamp near sofa within wide", "A number of metres above 0 was expected after 'within', not 'wide'", 22),
        ("lamp near sofa within 0", "A number of metres above 0 was expected after 'within', not '0'", 22),
        ("lamp within 0.5 sofa", "'of' was expected after the distance, as in: within 0.5 of sofa", 16),
        ("lamp between sofa", "'and' was expected, as in: between sofa and table", 17),
        ("lamp left of sofa", "'left of' needs a viewer, as in: left of sofa seen from FRAME", 17),
        ('lamp "dart board"', "A relation was expected, such as near, on or below, not 'dart board'", 5),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence_and_a_caret_below_its_place(text: str, said: str, at: int) -> None:
    with pytest.raises(BadSentence) as caught:
        parse(text)
    assert str(caught.value) == f"{said}, at character {at + 1} of the sentence."
    shown, caret = caught.value.pointed.split("\n")
    assert (shown, caret) == (text, " " * at + "^")


def test_the_caret_of_a_long_sentence_stands_below_the_part_that_is_shown() -> None:
    with pytest.raises(BadSentence) as caught:
        parse("lamp " * 50 + "near )" + " x" * 50)
    shown, caret = caught.value.pointed.split("\n")
    assert shown[len(caret) - 1] == ")"
    assert len(shown) < 140


def test_sentences_that_are_too_long_or_too_deep_are_one_sentence() -> None:
    with pytest.raises(Misused, match=f"^The sentence has 2,000 words; at most {MOST_WORDS} are understood.$"):
        parse("word " * 2000)
    for text in ("lamp " + "(" * 90 + "on table" + ")" * 90, "lamp " + "not " * 90 + "on table"):
        with pytest.raises(Misused, match=f"^The brackets and nots are nested more than {DEEPEST} deep: say it"):
            parse(text)


def test_what_makes_no_sense_together_is_one_sentence() -> None:
    def refused(*relations: Relation) -> str:
        with pytest.raises(Misused) as caught:
            split(relations)
        return str(caught.value)

    on, near = On("table"), Near("sofa")
    contradict = 'The relations contradict each other: on "table" and not on "table".'
    assert refused(on, Not(on)) == contradict
    assert refused(And(near, on), Not(Or(near, on))).startswith("The relations contradict each other: near")
    assert refused(near, Or(On("desk"), And(on, Not(on)))) == contradict
    assert refused(Not(Not(on)), Not(on)) == contradict
    assert split([on, Not(On("desk"))]) == (And(on, Not(On("desk"))), None)
    assert split([Or(on, Not(on))]) == (And(Or(on, Not(on))), None)
    assert refused(Largest(), NearestTo("sofa")) == (
        'A query can ask for one of its things, not for largest and nearest to "sofa": leave one out.'
    )
    assert refused(Not(Largest())).startswith("'largest' chooses among all that answer")
    many = [Near(f"thing {number}") for number in range(MOST_LANDMARKS + 1)]
    assert refused(*many) == f"A query can name {MOST_LANDMARKS} landmarks; this one names {MOST_LANDMARKS + 1}."
    deep: Relation = on
    for _ in range(100):
        deep = Not(deep)
    assert refused(deep) == f"The relations are nested more than {DEEPEST} deep: say it more simply."


@pytest.mark.parametrize(
    "make",
    [
        lambda: Near(""), lambda: Near("sofa", 0), lambda: Near("sofa", float("nan")), lambda: Near("sofa", -1.0),
        lambda: Near(5), lambda: Largest(0), lambda: Largest("x"), lambda: NearestTo(" "), lambda: Not("on table"),
        lambda: And(), lambda: Or(On("table"), "x"), lambda: Between("a", ""), lambda: LeftOf("a", None),
    ],
)  # fmt: skip
def test_a_relation_of_something_else_is_refused(make: object) -> None:
    with pytest.raises(OvstoreError) as caught:
        make()  # type: ignore[operator]
    assert "\n" not in str(caught.value)


def test_no_text_whatsoever_is_a_traceback() -> None:
    rng = np.random.default_rng(5)
    words = ["lamp", "near", "on", "not", "and", "or", "(", ")", '"', "'", "within", "0.5", "of", "between", "seen",
             "from", "left", "second", "nearest", "to", "largest", "the", ",", "“", "\0", "in", "front"]  # fmt: skip
    read = 0
    for _ in range(3000):
        text = " ".join(rng.choice(words, rng.integers(1, 12)))
        try:
            parse(text)
            read += 1
        except BadSentence as error:
            assert error.pointed.count("\n") == 1
        except Misused:
            pass
    assert 100 < read < 2900
