"""What is asked in a URL or a body: checked, and turned into the product's own question."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import Query

from ..core.errors import BadInput, NotFound
from ..query.question import AskedFeatures
from .served import Served

MOST_CHARACTERS = 1_000
MOST_QUESTIONS = 6
MOST_EXCLUDED = 16

Words = Annotated[str, Query(min_length=1, max_length=MOST_CHARACTERS, description="what is looked for, in words")]
Questions = Annotated[list[str], Query(min_length=1, max_length=MOST_QUESTIONS, description="up to six questions")]
Excluded = Annotated[
    list[str], Query(alias="not", max_length=MOST_EXCLUDED, description="what is closer to these words is no answer")
]
Features = Annotated[str | None, Query(max_length=512, description="the feature sets that are asked")]


def require_short(texts: Sequence[str]) -> None:
    """BadInput for a text that is no question."""
    for text in texts:
        if len(text) > MOST_CHARACTERS:
            raise BadInput(f"A question has {len(text):,} characters; at most {MOST_CHARACTERS:,} are allowed.")
        if not text.strip():
            raise BadInput("A question has no words.")
        if "\0" in text:
            raise BadInput("A question contains a NUL character, which no text can.")


def target(here: Served, features: str | None, texts: Sequence[str]) -> AskedFeatures:
    """The features that are asked with these texts, their network loaded."""
    require_short(texts)
    return here.words.require(features, texts)


def corners(box: str | None) -> tuple[float, float, float, float] | None:
    """x0,y0,x1,y1 as numbers."""
    if box is None or not box.strip():
        return None
    try:
        x0, y0, x1, y1 = map(float, box.split(","))
    except ValueError as error:
        raise BadInput(f"The box {box[:60]!r} is not four numbers x0,y0,x1,y1.") from error
    return x0, y0, x1, y1


def named(words: str, kind: str) -> str:
    """A name in a query, which no NUL is in."""
    if "\0" in words:
        raise NotFound(f"The name of a {kind} contains a NUL character.")
    return words
