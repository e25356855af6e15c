"""When superpoints are one thing, and which thing is the first hit: numbers that depend on the encoder.

A score is read between two ends: 0 is the scene as a whole, 1 the superpoint that a thing grows from. "Answers .6" is
.6 of the way. The defaults were found with `tiny` (docs/search.md); an encoder may offer others as `thing_options`.
"""

from dataclasses import dataclass, fields, replace

from .errors import BadInput

_STRICTER = 0.6  # for examples: what is left of the way from each least answer to 1


@dataclass(frozen=True)
class ThingOptions:
    """Constants of grouping and ranking."""

    parent: float = 0.75  # least answer of a larger part for which a thing climbs; smaller gives larger things
    sibling: float = 0.55  # least answer of what the climb would add
    small_sibling: float = 0.05  # share of the part's points below which what is added need not answer
    grow: float = 0.6  # least answer of a superpoint that joins what it touches; smaller gives larger things
    grow_doubt: float = 0.5  # most doubt between it and the thing; see ingest/regions/objects.py
    grow_color_weight: float = 10.0  # how many times more that doubt counts between black and white
    rival_weight: float = 3.0  # of ln(probability) / logit_scale in the ranking; 0: everyday things are no rivals
    size_weight: float = 0.015  # of ln(points) in the ranking, against slivers
    candidates: int = 30  # things that are ranked, at least

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if not 0 <= value < float("inf"):
                raise BadInput(f"thing_options: {each.name} is {value}; a number of 0 or more was expected.")
        if self.candidates < 1:
            raise BadInput(f"thing_options: candidates is {self.candidates}; at least 1 was expected.")

    def for_examples(self) -> "ThingOptions":
        """For a picture or a region in place of words.

        Its vector is of the kind that superpoints have, so what stands around a thing answers to it better than to a
        word: the least answers are higher.
        """
        parent, sibling, grow = (1 - _STRICTER * (1 - each) for each in (self.parent, self.sibling, self.grow))
        return replace(self, parent=parent, sibling=sibling, grow=grow)
