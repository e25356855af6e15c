"""What a search answered to one question, measured: a record per question, without the hits themselves."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ...core.features import OrientedBox
from .measures import Overlap, QuestionFigures, SceneTruth, question_figures

By = Literal["name", "same room", "other room"]  # a word; a picture of the very needle; of another one of its kind
TOP = 30  # hits of each question


@dataclass(frozen=True)
class FoundThing:
    """A hit."""

    scene: str
    superpoints: Collection[int]
    score: float
    probability: float | None
    box: OrientedBox | None = None


@dataclass(frozen=True)
class Measured:
    """One question to one house."""

    label: str
    by: By
    house: int
    points: int  # of the largest thing that is asked for; 0 where the house has none
    needle: bool  # drawn from the pool: one thing in the house, or none
    scene_rank: int | None  # of the first scene that holds it, among those of the hits; None: none of them does
    figures: QuestionFigures | None  # None for what is absent
    probability: float | None  # the best of all hits
    score: float  # likewise
    first_probability: float | None  # of the first hit

    @property
    def here(self) -> bool:
        """Whether the house has such a thing."""
        return self.points > 0

    @property
    def right(self) -> bool:
        """Whether the first hit is right."""
        return self.figures is not None and self.figures.right

    @property
    def found(self) -> bool:
        """Whether the first hit is right and fits."""
        return self.right and self.figures is not None and self.figures.iou >= 0.5


def measured(
    label: str, by: By, house: int, needle: bool, hits: Sequence[FoundThing], truths: Mapping[str, SceneTruth]
) -> Measured:
    """The record of a question about the rooms `truths` of a house."""
    sizes = [
        int(size)
        for truth in truths.values()
        for name, size in zip(truth.name, truth.size, strict=True)
        if name == label
    ]
    holding = {scene for scene, truth in truths.items() if label in truth.name}
    ranked = list(dict.fromkeys(hit.scene for hit in hits))
    rank = next((place for place, scene in enumerate(ranked, start=1) if scene in holding), None)
    chances = [hit.probability for hit in hits if hit.probability is not None]
    return Measured(
        label,
        by,
        house,
        max(sizes, default=0),
        needle,
        rank,
        question_figures([(hit.scene, hit.superpoints) for hit in hits], dict(truths), label) if sizes else None,
        max(chances, default=None),
        max((hit.score for hit in hits), default=-1.0),
        hits[0].probability if hits else None,
    )


@dataclass(frozen=True)
class TwinsAsked:
    """Two equal things that touch, and the hits of a question for their kind in their room alone."""

    label: str
    holding_one: int  # of the first ten hits, those with half or more of at least one of the two
    holding_both: int  # of these, those with half or more of both


def twins_asked(label: str, pair: tuple[int, int], truth: SceneTruth, hits: Sequence[FoundThing]) -> TwinsAsked:
    """How well the two were told apart."""
    one = both = 0
    for hit in hits[:10]:
        shared = Overlap.of(truth, hit.superpoints).shared
        held = [bool(2 * shared[each] >= truth.size[each]) for each in pair]
        one, both = one + any(held), both + all(held)
    return TwinsAsked(label, one, both)
