"""The figures of a retrieval: of all questions that were asked in one way."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...core.features import Level
from ...store.search.probability import HERE
from .questions import By
from .ranking import RankFigures, auroc, by_chance, of_ranks
from .run import Answered
from .scene_scores import Method

SIZES: tuple[tuple[str, int, float], ...] = (("up to 50", 1, 50), ("51 to 200", 51, 200), ("over 200", 201, math.inf))


@dataclass(frozen=True)
class RegionFigures:
    """Means over questions, shares from 0 to 1; nan without any."""

    ap25: float
    ap50: float
    hit_iou: float
    mask_iou: float
    best_iou: float


@dataclass(frozen=True)
class Section:
    """The questions that were asked in one way."""

    by: By
    here: tuple[Answered, ...]  # some scene holds what is asked
    absent: tuple[Answered, ...]  # none does
    scene_count: int

    @property
    def labels(self) -> int:
        """How many different ones are asked for."""
        return len({each.question.label for each in self.here})

    def of_size(self, least: float, most: float) -> "Section":
        """Those whose largest thing has so many points."""
        return Section(
            self.by, tuple(each for each in self.here if least <= each.points <= most), self.absent, self.scene_count
        )

    def ranks(self, method: Method) -> RankFigures:
        """Of the first scene that holds what is asked."""
        return of_ranks(np.array([each.rank(method) for each in self.here], np.int64))

    def chance(self) -> RankFigures:
        """The same for scenes in a random order."""
        return by_chance(np.array([each.holds.sum() for each in self.here], np.int64), self.scene_count)

    @property
    def with_others(self) -> tuple[Answered, ...]:
        """The pictures whose things stand in another scene than that which they were taken in."""
        return tuple(each for each in self.here if each.others)

    def ranks_of_others(self, method: Method) -> RankFigures:
        """Of the first other scene, for these."""
        return of_ranks(np.array([each.rank_of_others(method) for each in self.with_others], np.int64))

    def chance_of_others(self) -> RankFigures:
        """The same for scenes in a random order."""
        return by_chance(np.array([each.others for each in self.with_others], np.int64), self.scene_count - 1)

    def scene_auroc(self, method: Method) -> float:
        """How well scores tell scenes that hold what is asked from the others; mean over questions."""
        return _mean([auroc(each.scores[method][each.holds], each.scores[method][~each.holds]) for each in self.here])

    def absent_auroc(self, method: Method) -> float:
        """How well the best score of all scenes tells what is there from what is not."""
        return auroc(*(np.array([each.scores[method].max() for each in part]) for part in (self.here, self.absent)))

    def elsewhere_auroc(self, method: Method) -> float:
        """The same by the scenes that do not hold what is asked: what the choice of questions tells by itself."""
        here = [each.scores[method][~each.holds].max() for each in self.here if not each.holds.all()]
        return auroc(np.array(here), np.array([each.scores[method].max() for each in self.absent]))

    def regions(self, level: Level) -> RegionFigures:
        """Of all regions of a level."""
        answers = [each.regions[level] for each in self.here]
        return RegionFigures(
            _mean([each.ap[0] for each in answers]),
            _mean([each.ap[1] for each in answers]),
            _mean([each.hit_iou for each in answers]),
            _mean([each.mask_iou for each in answers]),
            _mean([each.best_iou for each in answers]),
        )

    def probability_auroc(self, level: Level) -> float:
        """How well the probability of the best hit tells what is there from what is not."""
        return auroc(*(np.array(_probabilities(part, level)) for part in (self.here, self.absent)))

    def probably_not_here(self) -> tuple[int, int] | None:
        """Of what is there and of what is not: for how many questions a search for objects says so."""
        here, absent = (_probabilities(part, "object") for part in (self.here, self.absent))
        return (sum(each < HERE for each in here), sum(each < HERE for each in absent)) if here + absent else None


def _probabilities(answered: Sequence[Answered], level: Level) -> list[float]:
    found = [each.regions[level].probability for each in answered]
    return [each for each in found if each is not None]


def _mean(values: Sequence[float]) -> float:
    """Of those that are numbers; nan without any."""
    numbers = [value for value in values if not math.isnan(value)]
    return float(np.mean(numbers)) if numbers else math.nan
