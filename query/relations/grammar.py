"""A question in one sentence, `lamp below "dart board" and near sofa`: words to search, and relations.

question  = [order] words [relations]          largest chair, second highest shelf
relations = all {"or" all}
all       = one {["and"] one}
one       = "not" one | "(" relations ")" | said
said      = ("near" | "beside" | "next to") words ["within" METRES] | "within" METRES "of" words
          | ("on" | "under" | "above" | "below" | "inside") words | "between" words "and" words
          | ("left of" | "right of" | "in front of" | "behind") words "seen from" FRAME
          | [order] ("nearest to" | "farthest from") words
words     = what stands in quotes, or all words up to the next of the above; "the" before them is left out
order     = ["second" | "2nd" | ...] ("largest" | "smallest" | "highest" | "lowest"), as in largest chair
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...core.errors import Misused
from .expressions import (
    DEEPEST,
    Above,
    And,
    Behind,
    Below,
    Beside,
    Between,
    Choice,
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
    Relation,
    RightOf,
    Smallest,
    Under,
)

MOST_WORDS = 200
_AROUND = 60  # characters that are shown on either side of a mistake

_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "«": "»"}
_TOKEN = re.compile(r"\s*([(),]|[^\s(),]+)")
_METRES = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(m|metres?|meters?)?", re.IGNORECASE)
_UNITS = {"m", "metre", "metres", "meter", "meters"}
_PLACES = {
    "first": 1, "1st": 1, "second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4, "fifth": 5, "5th": 5,
    "sixth": 6, "6th": 6, "seventh": 7, "7th": 7, "eighth": 8, "8th": 8, "ninth": 9, "9th": 9, "tenth": 10, "10th": 10,
}  # fmt: skip
_ORDERS: dict[str, type[Choice]] = {
    "largest": Largest, "biggest": Largest, "smallest": Smallest, "highest": Highest, "lowest": Lowest,
}  # fmt: skip
_OF_ONE: dict[tuple[str, ...], Callable[[str], Relation]] = {
    ("on",): On, ("under",): Under, ("above",): Above, ("below",): Below, ("inside",): Inside,
}  # fmt: skip
_WITHIN: dict[tuple[str, ...], type[Near] | type[Beside]] = {
    ("near",): Near, ("beside",): Beside, ("next", "to"): Beside,
}  # fmt: skip
_SEEN: dict[tuple[str, ...], type[LeftOf] | type[RightOf] | type[InFrontOf] | type[Behind]] = {
    ("left", "of"): LeftOf, ("right", "of"): RightOf, ("to", "the", "left", "of"): LeftOf,
    ("to", "the", "right", "of"): RightOf, ("in", "front", "of"): InFrontOf, ("behind",): Behind,
}  # fmt: skip
_DISTANCES: dict[tuple[str, ...], type[NearestTo] | type[FarthestFrom]] = {
    ("nearest", "to"): NearestTo, ("closest", "to"): NearestTo, ("farthest", "from"): FarthestFrom,
    ("furthest", "from"): FarthestFrom,
}  # fmt: skip
_BEGINNINGS = [*_OF_ONE, *_WITHIN, *_SEEN, *_DISTANCES, ("between",), ("within",), ("seen", "from")]
_JOINING = {"and", "or", "not", "(", ")", ","}


class BadSentence(Misused):
    """A sentence that the grammar does not have; `pointed` shows where."""

    def __init__(self, said: str, text: str, position: int) -> None:
        super().__init__(f"{said}, at character {position + 1} of the sentence.")
        self.text, self.position = text, position

    @property
    def pointed(self) -> str:
        """Two lines: the sentence, or the part of it around the mistake, and a caret below."""
        start, stop = max(0, self.position - _AROUND), self.position + _AROUND
        left, right = ("..." if start else ""), ("..." if stop < len(self.text) else "")
        shown = "".join(c if c.isprintable() else " " for c in self.text[start:stop])
        return f"{left}{shown}{right}\n{' ' * (len(left) + self.position - start)}^"


@dataclass(frozen=True)
class Sentence:
    """What a sentence asks for."""

    words: str
    relations: tuple[Relation, ...]


@dataclass(frozen=True)
class _Token:
    text: str  # without its quotes
    start: int
    quoted: bool = False

    @property
    def key(self) -> str:
        """What it is compared by; what stands in quotes is no operator."""
        return "" if self.quoted else self.text.casefold()


def parse(text: str) -> Sentence:
    """BadSentence, with the place of the mistake, for what is no sentence of the grammar."""
    tokens = _tokens(text)
    if len(tokens) > MOST_WORDS:
        raise Misused(f"The sentence has {len(tokens):,} words; at most {MOST_WORDS} are understood.")
    return _Parser(text, tokens).question()


def _tokens(text: str) -> list[_Token]:
    tokens = []
    position = 0
    while found := _TOKEN.match(text, position):
        start = found.start(1)
        closing = _QUOTES.get(text[start])
        if closing is None:
            tokens.append(_Token(found[1], start))
            position = found.end()
            continue
        end = text.find(closing, start + 1)
        if end < 0:
            raise BadSentence(f"The quote {text[start]} is never closed", text, start)
        if not text[start + 1 : end].strip():
            raise BadSentence("There is nothing between the quotes", text, start)
        tokens.append(_Token(text[start + 1 : end].strip(), start, quoted=True))
        position = end + 1
    return tokens


class _Parser:
    """Recursive descent, a method for each line of the grammar."""

    def __init__(self, text: str, tokens: Sequence[_Token]) -> None:
        self.text, self.tokens = text, tokens
        self.at = self.depth = 0

    def question(self) -> Sentence:
        choice = self.order()
        words = self.words("what to look for")
        said: list[Relation] = [] if choice is None else [choice]
        if self.at < len(self.tokens):
            relation = self.any_of()
            said += relation.relations if isinstance(relation, And) else (relation,)
        if self.at < len(self.tokens):
            raise self.wrong(f"{self.tokens[self.at].text!r} is one too many")
        return Sentence(words, tuple(said))

    def order(self) -> Choice | None:
        place = _PLACES.get(self.key())
        order = _ORDERS.get(self.key(0 if place is None else 1))
        if order is None:
            return None
        self.at += 1 if place is None else 2
        return order(place or 1)

    def any_of(self) -> Relation:
        self.depth += 1
        if self.depth > DEEPEST:
            raise Misused(f"The brackets and nots are nested more than {DEEPEST} deep: say it more simply.")
        found = [self.all_of()]
        while self.takes("or"):
            found.append(self.all_of())
        self.depth -= 1
        return found[0] if len(found) == 1 else Or(*found)

    def all_of(self) -> Relation:
        found = [self.one()]
        while self.key() in ("and", ",") or self.key() in ("not", "(") or self.begins():
            if self.takes(","):
                self.takes("and")
            else:
                self.takes("and")
            found.append(self.one())
        flat = [part for one in found for part in (one.relations if isinstance(one, And) else (one,))]
        return flat[0] if len(flat) == 1 else And(*flat)

    def one(self) -> Relation:
        if self.takes("not"):
            self.depth += 1
            if self.depth > DEEPEST:
                raise Misused(f"The brackets and nots are nested more than {DEEPEST} deep: say it more simply.")
            negated = Not(self.one())
            self.depth -= 1
            return negated
        opened = self.at
        if self.takes("("):
            inner = self.any_of()
            if not self.takes(")"):
                raise BadSentence("The bracket is never closed", self.text, self.tokens[opened].start)
            return inner
        return self.said()

    def said(self) -> Relation:
        place = _PLACES.get(self.key())
        beginning = self.begins(0 if place is None else 1)
        if beginning is None or (place is not None and beginning not in _DISTANCES) or beginning == ("seen", "from"):
            raise self.wrong(f"A relation was expected, such as near, on or below, not {self.found()}")
        self.at += len(beginning) + (place is not None)
        name = " ".join(beginning)
        if beginning == ("within",):
            metres = self.metres()
            if not self.takes("of"):
                raise self.wrong("'of' was expected after the distance, as in: within 0.5 of sofa")
            return Near(self.words(f"the landmark of {name!r}"), metres)
        if beginning == ("between",):
            first = self.words("the first landmark of 'between'")
            if not self.takes("and"):
                raise self.wrong("'and' was expected, as in: between sofa and table")
            return Between(first, self.words("the second landmark of 'between'"))
        words = self.words(f"the landmark of {name!r}")
        if beginning in _WITHIN:
            kind = _WITHIN[beginning]
            if self.key() != "within" or self.is_of():
                return kind(words)
            self.at += 1
            return kind(words, self.metres())
        if beginning in _SEEN:
            if not (self.takes("seen") and self.takes("from")):
                raise self.wrong(f"{name!r} needs a viewer, as in: {name} sofa seen from FRAME")
            return _SEEN[beginning](words, self.words("the frame after 'seen from'"))
        if beginning in _DISTANCES:
            return _DISTANCES[beginning](words, place or 1)
        return _OF_ONE[beginning](words)

    def words(self, what: str) -> str:
        start = self.at
        if self.at < len(self.tokens) and self.tokens[self.at].quoted:
            self.at += 1
            return self.tokens[start].text
        if self.key() == "the":
            self.at += 1
        first = self.at
        while self.at < len(self.tokens) and not (
            self.tokens[self.at].quoted or self.key() in _JOINING or self.begins() or self.is_choice()
        ):
            self.at += 1
        if self.at == first:
            raise self.wrong(f"Words were expected for {what}, not {self.found()}")
        return " ".join(token.text for token in self.tokens[first : self.at])

    def metres(self) -> float:
        found = _METRES.fullmatch(self.key())
        if found is None or float(found[1]) == 0:
            raise self.wrong(f"A number of metres above 0 was expected after 'within', not {self.found()}")
        self.at += 1
        if found[2] is None and self.key() in _UNITS:
            self.at += 1
        return float(found[1])

    def begins(self, ahead: int = 0) -> tuple[str, ...] | None:
        """The name of the relation that begins here; the longest of several."""
        start = self.at + ahead
        keys = tuple(token.key for token in self.tokens[start : start + 4])
        fitting = [name for name in _BEGINNINGS if keys[: len(name)] == name]
        return max(fitting, key=len, default=None)

    def is_choice(self) -> bool:
        """Whether a place in an order begins here: second nearest to."""
        return self.key() in _PLACES and self.begins(1) in _DISTANCES

    def is_of(self) -> bool:
        """Whether the 'within' here begins a relation of its own: within 0.5 of sofa."""
        ahead = [token.key for token in self.tokens[self.at + 2 : self.at + 4]]
        return ahead[:1] == ["of"] or (ahead[1:] == ["of"] and ahead[0] in _UNITS)

    def key(self, ahead: int = 0) -> str:
        place = self.at + ahead
        return self.tokens[place].key if place < len(self.tokens) else ""

    def takes(self, key: str) -> bool:
        taken = self.key() == key
        self.at += taken
        return taken

    def found(self) -> str:
        return repr(self.tokens[self.at].text) if self.at < len(self.tokens) else "the end"

    def wrong(self, said: str) -> BadSentence:
        """At the token here, or after the last one."""
        end = len(self.text.rstrip())
        return BadSentence(said, self.text, self.tokens[self.at].start if self.at < len(self.tokens) else end)
