"""What many questions to a benchmark come to: shares from 0 to 1, nan where there is nothing to measure."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ..retrieval.ranking import auroc
from .answers import Measured, TwinsAsked

HERE = 0.5  # the least probability of something that is there, as in a search
BINS = ((0.0, 0.1), (0.1, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 1.0))
SIZES: tuple[tuple[str, int, float], ...] = (("up to 50", 1, 50), ("51 to 200", 51, 200), ("over 200", 201, math.inf))


@dataclass(frozen=True)
class Group:
    """Questions for what is there, put in one way."""

    asked: tuple[Measured, ...]

    @property
    def recall_at_1(self) -> float:
        """A scene that holds it comes first."""
        return _mean(each.scene_rank == 1 for each in self.asked)

    @property
    def recall_at_5(self) -> float:
        """It is among the first five."""
        return _mean(each.scene_rank is not None and each.scene_rank <= 5 for each in self.asked)

    @property
    def right(self) -> float:
        """More than half of the first hit is such a thing."""
        return _mean(each.right for each in self.asked)

    @property
    def iou(self) -> float:
        """Of first hits that are right."""
        return _mean(each.figures.iou for each in self.asked if each.figures and each.right)

    @property
    def fits(self) -> float:
        """Of first hits that are right, those with an IoU of at least 0.5."""
        return _mean(each.found for each in self.asked if each.right)

    def ap(self, which: int) -> float:
        """AP25 and AP50."""
        return _mean(each.figures.ap[which] for each in self.asked if each.figures)

    @property
    def twice(self) -> float:
        """Hits of the first ten that show again a thing of the name, a question."""
        return _mean(each.figures.twice for each in self.asked if each.figures)

    @property
    def twice_any(self) -> float:
        """Those that show again a thing of whatever name."""
        return _mean(each.figures.twice_any for each in self.asked if each.figures)

    @property
    def merged(self) -> float:
        """First hits that hold two things."""
        return _mean(each.figures.merged for each in self.asked if each.figures)

    @property
    def merged_share(self) -> float:
        """Of the first ten hits, those that do."""
        return _mean(each.figures.merged_share for each in self.asked if each.figures)


@dataclass(frozen=True)
class Bin:
    """Questions whose first hit has a probability of one range."""

    low: float
    high: float
    questions: int
    said: float  # mean probability
    right: float  # share of first hits that are right


@dataclass(frozen=True)
class ThingFigures:
    """All questions that were put to one way of searching."""

    asked: tuple[Measured, ...]
    twins: tuple[TwinsAsked, ...]
    untaught: frozenset[str]

    def words(self, needle: bool = False) -> Group:
        """Names of what is there; of needles alone."""
        return self._group(lambda each: each.by == "name" and each.here and (each.needle or not needle))

    def needles(self, by: str, taught: bool | None = None) -> Group:
        """Needles, by one way of asking; None: all of them."""
        return self._group(
            lambda each: (
                each.by == by and each.needle and each.here and taught in (None, each.label not in self.untaught)
            )
        )

    def of_size(self, least: float, most: float) -> Group:
        """Needles of so many points, by name."""
        return Group(tuple(each for each in self.needles("name").asked if least <= each.points <= most))

    @property
    def absent(self) -> tuple[Measured, ...]:
        """Words of the pool for what a house has not."""
        return tuple(each for each in self.asked if each.by == "name" and each.needle and not each.here)

    @property
    def false_here(self) -> float:
        """Of these, those that are called present."""
        return _mean((each.probability or 0) >= HERE for each in self.absent)

    @property
    def true_here(self) -> float:
        """Needles that are called present."""
        return _mean((each.probability or 0) >= HERE for each in self.needles("name").asked)

    @property
    def absent_auroc(self) -> float:
        """Best probabilities of needles against those of absent kinds: the same words on both sides."""
        return _auroc(self.needles("name").asked, self.absent)

    @property
    def right_auroc(self) -> float:
        """The same of needles whose first hit is right."""
        return _auroc([each for each in self.needles("name").asked if each.right], self.absent)

    @property
    def twins_merged(self) -> float:
        """Of hits that hold one of two equal things that touch, those that hold both."""
        one = sum(each.holding_one for each in self.twins)
        return sum(each.holding_both for each in self.twins) / one if one else math.nan

    @property
    def reliability(self) -> tuple[Bin, ...]:
        """First hits of the pool's words, present and absent, by their probability."""
        asked = [each for each in self.asked if each.by == "name" and each.needle]
        return tuple(_bin(low, high, asked) for low, high in BINS)

    def _group(self, belongs: Callable[[Measured], bool]) -> Group:
        return Group(tuple(filter(belongs, self.asked)))


def _bin(low: float, high: float, asked: Sequence[Measured]) -> Bin:
    inside = [
        (each.first_probability, each.right)
        for each in asked
        if each.first_probability is not None
        and (low <= each.first_probability < high or each.first_probability == high == 1)
    ]
    return Bin(low, high, len(inside), _mean(chance for chance, _ in inside), _mean(right for _, right in inside))


def _auroc(here: Sequence[Measured], absent: Sequence[Measured]) -> float:
    chances = [np.array([each.probability or 0 for each in some]) for some in (here, absent)]
    return auroc(*chances)


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return float(np.mean(listed)) if listed else math.nan
