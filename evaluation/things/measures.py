"""How well hits fit the labelled things of their scenes, measured on masks of whole superpoints.

A hit is right when more than half of its points bear the label that is asked for. It is merged when it holds half or
more of two things that are not walls, floors or ceilings.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..retrieval.ranking import average_precision

BUILDING = frozenset({"wall", "floor", "ceiling"})  # what everything touches; never one of two merged things
SHOWN = 10  # hits that are looked at for things twice, and for merged ones
IOUS = (0.25, 0.5)


@dataclass(frozen=True, eq=False)
class SceneTruth:
    """What stands in one scene."""

    name: tuple[str, ...]  # (T,) the label of each thing
    size: NDArray[np.int64]  # (T,) points
    shared: NDArray[np.int64]  # (S, T) points that each superpoint shares with each thing
    points: NDArray[np.int64]  # (S,) points of each superpoint


def scene_truth(superpoint: NDArray[np.integer], thing: NDArray[np.integer], names: Sequence[str]) -> SceneTruth:
    """Of (N,) points: the superpoint of each, and the thing that it belongs to, a place in `names` or -1."""
    superpoints, things = int(superpoint.max()) + 1, len(names)
    inside = thing >= 0
    shared = np.bincount(superpoint[inside] * things + thing[inside], minlength=superpoints * things)
    shared = shared.reshape(superpoints, things)
    return SceneTruth(tuple(names), shared.sum(axis=0), shared, np.bincount(superpoint, minlength=superpoints))


@dataclass(frozen=True, eq=False)
class Overlap:
    """One hit and the things of its scene."""

    truth: SceneTruth
    shared: NDArray[np.int64]  # (T,) points of the hit in each thing
    points: int  # of the hit

    @classmethod
    def of(cls, truth: SceneTruth, superpoints: Collection[int]) -> "Overlap":
        """Of a union of superpoints."""
        rows = np.fromiter(superpoints, np.int64)
        return cls(truth, truth.shared[rows].sum(axis=0), int(truth.points[rows].sum()))

    @property
    def iou(self) -> NDArray[np.float64]:
        """(T,) with each thing."""
        return self.shared / (self.truth.size + self.points - self.shared)

    def is_right(self, name: str) -> bool:
        """Whether most of its points bear the label."""
        return bool(2 * self.shared[self._named(name)].sum() > self.points)

    def best_iou(self, name: str) -> float:
        """With the thing of that label that it fits best; 0 where there is none."""
        return float(self.iou[self._named(name)].max(initial=0))

    @property
    def main(self) -> int | None:
        """The thing that more than half of its points belong to; None where there is none."""
        most = int(self.shared.argmax()) if len(self.shared) else 0
        return most if len(self.shared) and 2 * self.shared[most] > self.points else None

    @property
    def is_merged(self) -> bool:
        """Whether it holds two things or more."""
        held = 2 * self.shared >= self.truth.size
        return sum(name not in BUILDING for name, is_held in zip(self.truth.name, held, strict=True) if is_held) > 1

    def _named(self, name: str) -> NDArray[np.bool_]:
        return np.array([own == name for own in self.truth.name])


@dataclass(frozen=True)
class QuestionFigures:
    """One name against all scenes."""

    right: bool  # the first hit
    iou: float  # of the first hit with the best thing of the name; 0 where it is wrong
    ap: tuple[float, ...]  # at each of IOUS, over all hits
    twice: int  # of the first ten, those that show a thing of the name again
    twice_any: int  # those whose main thing, whatever it is, was shown before
    merged: bool  # the first hit holds two things
    merged_share: float  # of the first ten


def question_figures(
    hits: Sequence[tuple[str, Collection[int]]], truths: dict[str, SceneTruth], name: str
) -> QuestionFigures:
    """`hits` are scenes with superpoints, best first."""
    overlaps = [(scene, Overlap.of(truths[scene], superpoints)) for scene, superpoints in hits]
    mains = [(scene, found.main) for scene, found in overlaps[:SHOWN] if found.main is not None]
    named = [(scene, main) for scene, main in mains if truths[scene].name[main] == name]
    merged = [found.is_merged for _, found in overlaps[:SHOWN]]
    right = bool(overlaps) and overlaps[0][1].is_right(name)
    return QuestionFigures(
        right,
        overlaps[0][1].best_iou(name) if right else 0.0,
        tuple(_average_precision(overlaps, truths, name, least) for least in IOUS),
        len(named) - len(set(named)),
        len(mains) - len(set(mains)),
        bool(merged) and merged[0],
        float(np.mean(merged)) if merged else 0.0,
    )


def _average_precision(
    overlaps: Sequence[tuple[str, Overlap]], truths: dict[str, SceneTruth], name: str, least: float
) -> float:
    """Each hit, best first, claims the thing of the name that it fits best and that is not taken."""
    things = sum(truth.name.count(name) for truth in truths.values())
    taken: set[tuple[str, int]] = set()
    claimed = np.zeros(len(overlaps), bool)
    for place, (scene, found) in enumerate(overlaps):
        fits = [
            (float(found.iou[thing]), thing)
            for thing, own in enumerate(found.truth.name)
            if own == name and found.iou[thing] >= least and (scene, thing) not in taken
        ]
        if fits:
            taken.add((scene, max(fits)[1]))
            claimed[place] = True
    return average_precision(-np.arange(len(overlaps), dtype=np.float32), np.flatnonzero(claimed), things)
