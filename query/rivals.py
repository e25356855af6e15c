"""What an answer to words is weighed against: everyday things, and the same thing in other colours."""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .encode import Encoder
from .templates import known_texts

COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white", "gray")
_SPELT = {"grey": "gray", "violet": "purple"}  # other words for the same colour


@dataclass(frozen=True)
class Rivals:
    """What a question in words is weighed against, as a Query has it."""

    background: NDArray[np.float32] | None  # (B, dim) everyday things; None: the encoder has no name of another
    rivals: NDArray[np.float32] | None  # (R, dim) the same in other colours; None: the question names no colour


def rivals_of(encoder: Encoder, words: str) -> Rivals:
    """What an answer to these words is weighed against, wherever they are asked."""
    others = everyday(encoder, words)
    return Rivals(others if len(others) else None, in_other_colours(encoder, words))


def everyday(encoder: Encoder, words: str) -> NDArray[np.float32]:
    """(B, dim) everyday things, but for those that the question names or means.

    A chair is no rival of a red chair, and an office chair, being a chair, is no rival of a chair.
    """
    asked = _in_order(words)
    kept = [
        row
        for row, named in enumerate(map(_in_order, encoder.everyday))
        if not set(named) <= set(asked) and named[-len(asked) :] != asked
    ]
    return encoder.background()[kept]


def in_other_colours(encoder: Encoder, words: str) -> NDArray[np.float32] | None:
    """(R, dim) the question with each of the other basic colours in the place of its own; None where it names none.

    Without them a chair of any colour answers to "a red chair", as nothing everyday is more like it.
    """
    texts = recoloured(words)
    if not texts:
        return None
    rows, known = known_texts(encoder, texts)
    return rows if known else None


def recoloured(words: str) -> list[str]:
    """The words once for each other colour; none where they name no colour, several, or nothing beside it."""
    named = [word for word in re.findall(r"\w+", words.lower()) if _SPELT.get(word, word) in COLOURS]
    if len(named) != 1 or not set(_in_order(words)) - set(named) - {"something", "thing", "things"}:
        return []
    own = _SPELT.get(named[0], named[0])
    return [re.sub(rf"\b{named[0]}\b", other, words, flags=re.IGNORECASE) for other in COLOURS if other != own]


def _in_order(text: str) -> list[str]:
    """Its words, without articles."""
    return [word for word in re.findall(r"\w+", text.lower()) if word not in ("a", "an", "the")]
