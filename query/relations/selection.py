"""Which things stand where they should: the best of them, or the order that a choice asks for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np

from .expressions import And, Choice
from .verdicts import Placed, Reason, Surroundings, Verdict, judge, measured

_LEAST = 1e-30  # a grade of 0 has no logarithm


@dataclass(frozen=True, eq=False)
class Target:
    """A thing that answers the words, before it is known where it stands."""

    placed: Placed
    scene: int
    fit: float  # what hits are ordered by, without relations
    likely: bool  # whether it is taken for what was asked for: a choice looks at no others


@dataclass(frozen=True, eq=False)
class Selected:
    """A thing for which the relations hold."""

    target: Target
    fit: float  # lower than that of the target where relations hold only just, or thanks to doubtful landmarks
    reasons: tuple[Reason, ...]


def selected(
    targets: Sequence[Target],
    relation: And | None,
    choice: Choice | None,
    around: Callable[[int], Surroundings],
    floor: Callable[[int], float],
    top: int,
    step: float,
) -> list[Selected]:
    """The first `top`, best first, equals in the order of the targets; `around` and `floor` are of a scene.

    A grade counts as a probability does in the ranking of things: fit + step * ln(grade). As a grade is never more than
    1, targets are judged in the order of their fit until no later one can come among the first.
    """
    if choice is not None:
        return _ordered(targets, relation, choice, around, floor)[choice.nth - 1 :][:top]
    held: list[tuple[float, int, Selected]] = []  # a heap, the worst first
    for place in sorted(range(len(targets)), key=lambda place: -targets[place].fit):
        target = targets[place]
        if len(held) == top and held[0][0] > target.fit:
            break
        verdict = _verdict(target, relation, around)
        if verdict.holds:
            fit = _fit(target, verdict, step)
            entry = (fit, -place, Selected(target, fit, verdict.reasons))
            heappush(held, entry)
            if len(held) > top:
                heappop(held)
    return [one for _, _, one in sorted(held, key=lambda entry: (-entry[0], -entry[1]))]


def _ordered(
    targets: Sequence[Target],
    relation: And | None,
    choice: Choice,
    around: Callable[[int], Surroundings],
    floor: Callable[[int], float],
) -> list[Selected]:
    found = []
    for place, target in enumerate(targets):
        if not target.likely:
            continue
        verdict = _verdict(target, relation, around)
        if verdict.holds:
            value, reasons = measured(choice, target.placed, floor(target.scene), around(target.scene))
            if np.isfinite(value):
                found.append((value, -target.fit, place, verdict.reasons + reasons))
    found.sort(key=lambda one: one[:3])
    return [Selected(targets[place], targets[place].fit, reasons) for _, _, place, reasons in found]


def _verdict(target: Target, relation: And | None, around: Callable[[int], Surroundings]) -> Verdict:
    return Verdict(1.0, True) if relation is None else judge(relation, target.placed, around(target.scene))


def _fit(target: Target, verdict: Verdict, step: float) -> float:
    return target.fit + step * float(np.log(max(verdict.grade, _LEAST)))
