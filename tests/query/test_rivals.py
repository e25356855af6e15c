"""What words are weighed against, with an encoder whose everyday list is short enough to write down."""

from dataclasses import dataclass
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray
from ovstore.core.errors import UnknownWords
from ovstore.query import rivals
from ovstore.query.encode import Encoder


@dataclass(frozen=True)
class Spelt:
    """Every text is a vector of its own: its place in `texts_seen`."""

    everyday: tuple[str, ...]
    unknown: frozenset[str] = frozenset()

    def background(self) -> NDArray[np.float32]:
        return np.arange(len(self.everyday), dtype=np.float32)[:, None]

    def texts(self, texts: list[str]) -> NDArray[np.float32]:
        if self.unknown & set(texts):
            raise UnknownWords("never heard of it")
        return np.arange(len(texts), dtype=np.float32)[:, None]


EVERYDAY = ("wall", "chair", "office chair", "table", "chair cover")


def left(words: str, everyday: tuple[str, ...] = EVERYDAY) -> list[str]:
    rows = rivals.everyday(cast(Encoder, Spelt(everyday)), words)
    return [everyday[int(row)] for row in rows[:, 0]]


def test_what_the_question_names_is_no_rival_of_it() -> None:
    assert left("a red chair") == ["wall", "office chair", "table", "chair cover"]
    assert left("the chair beside the table") == ["wall", "office chair", "chair cover"]


def test_a_name_that_ends_in_the_question_is_a_kind_of_it() -> None:
    assert left("chair") == ["wall", "table", "chair cover"]
    assert left("A Chair!") == left("chair")
    assert left("office chair") == ["wall", "table", "chair cover"]


def test_a_question_that_names_nothing_everyday_has_every_rival() -> None:
    assert left("snoopy") == list(EVERYDAY)
    assert left("???") == list(EVERYDAY)


def test_an_encoder_without_a_list_has_no_rivals() -> None:
    assert left("chair", ()) == []


def test_a_colour_is_weighed_against_the_ten_others() -> None:
    others = rivals.recoloured("A Red chair")
    assert len(others) == len(rivals.COLOURS) - 1
    assert "A blue chair" in others and not any("red" in one.lower() for one in others)
    assert "gray" not in " ".join(rivals.recoloured("a grey sofa"))


@pytest.mark.parametrize("words", ["a chair", "red", "something red", "the red thing", "a red and white ball"])
def test_without_one_colour_of_one_thing_nothing_is_recoloured(words: str) -> None:
    assert rivals.recoloured(words) == []


def test_a_colour_that_the_encoder_cannot_say_has_no_rivals() -> None:
    red = "a red chair"
    mute = Spelt(EVERYDAY, frozenset(rivals.recoloured(red)))
    assert rivals.in_other_colours(cast(Encoder, mute), red) is None
    some = Spelt(EVERYDAY, frozenset(rivals.recoloured(red)[1:]))
    found = rivals.in_other_colours(cast(Encoder, some), red)
    assert found is not None and len(found) == 1


def test_all_rivals_of_a_question_come_from_one_function() -> None:
    found = rivals.rivals_of(cast(Encoder, Spelt(EVERYDAY)), "a red chair")
    assert found.background is not None and found.rivals is not None
    assert [EVERYDAY[int(row)] for row in found.background[:, 0]] == left("a red chair")
    assert len(found.rivals) == len(rivals.COLOURS) - 1


@pytest.mark.parametrize("everyday", [(), ("chair",)])
def test_a_question_without_any_rival_is_weighed_against_nothing(everyday: tuple[str, ...]) -> None:
    assert rivals.rivals_of(cast(Encoder, Spelt(everyday)), "chair") == rivals.Rivals(None, None)
