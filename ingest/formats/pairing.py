"""Which files of a scan belong together, told by their names: the rule that pairs most of them holds for all.

name      7.jpg and 7.png
number    frame000007.jpg and depth7.png: the last number of a name, or the first (FRAME-TIME)
time      names that are seconds with a fraction (TUM), or milli-, micro- or nanoseconds since 1970
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

TIMESTAMP_TOLERANCE = 0.02  # seconds between a picture and what belongs to it (TUM's own tools use this)
_SECONDS = re.compile(r"\d+\.\d+")
_SINCE_1970 = {13: 1e3, 16: 1e6, 19: 1e9}  # digits from the year 2001 on -> units per second


@dataclass(frozen=True)
class Pairs(Generic[T]):
    """What belongs to each stem, and the rule that told."""

    found: dict[str, T] = field(default_factory=dict)
    rule: str = ""


def order(stem: str) -> tuple[float, str]:
    """Sorts stems as people count: by number, then by name."""
    return (-1.0 if (number := last_number(stem)) is None else number, stem)


def timestamp(stem: str) -> float | None:
    """Seconds, where a stem is nothing but a time."""
    if _SECONDS.fullmatch(stem):
        return float(stem)
    if stem.isascii() and stem.isdigit() and stem[0] != "0" and len(stem) in _SINCE_1970:
        return int(stem) / _SINCE_1970[len(stem)]
    return None


def last_number(stem: str) -> float | None:
    """The last number of a stem; seconds where it is a time."""
    if (seconds := timestamp(stem)) is not None:
        return seconds
    return _number(stem, -1)


def first_number(stem: str) -> float | None:
    """The first number of a stem that has several: FRAME-TIME."""
    return None if timestamp(stem) is not None else _number(stem, 0)


NUMBERS: dict[str, Callable[[str], float | None]] = {"number": last_number, "first number": first_number}


def pair(stems: Iterable[str], others: Mapping[str, T]) -> Pairs[T]:
    """What belongs to each stem by the rule that finds most; of equal ones the first in the order above."""
    stems = list(stems)
    candidates = [Pairs({stem: others[stem] for stem in stems if stem in others}, "name")]
    if len(stems) == len(others) == 1:
        candidates.append(Pairs(dict(zip(stems, others.values(), strict=True)), "being the only one"))
    for rule, number in NUMBERS.items():
        of_others = _unique({other: number(other) for other in others})
        of_stems = _unique({stem: number(stem) for stem in stems})
        found = {stem: others[of_others[value]] for value, stem in of_stems.items() if value in of_others}
        candidates.append(Pairs({stem: found[stem] for stem in stems if stem in found}, rule))
    times = {stem: timestamp(stem) for stem in others}
    if others and all(time is not None for time in times.values()):
        seconds = sorted((time, stem) for stem, time in times.items() if time is not None)
        near = {stem: nearest(timestamp(stem), seconds) for stem in stems}
        found = {stem: others[key] for stem, key in near.items() if key is not None}
        candidates.append(Pairs(found, f"nearest time within {TIMESTAMP_TOLERANCE:g} s"))
    return max(candidates, key=lambda pairs: len(pairs.found))


def nearest(time: float | None, candidates: Sequence[tuple[float, T]]) -> T | None:
    """The value nearest in time, if it is within the tolerance; candidates ascend in time."""
    if time is None or not candidates:
        return None
    after = bisect_left(candidates, time, key=lambda pair: pair[0])
    around = candidates[max(after - 1, 0) : after + 1]
    gap, value = min(((abs(other - time), value) for other, value in around), key=lambda pair: pair[0])
    return value if gap <= TIMESTAMP_TOLERANCE else None


def _unique(numbers: Mapping[str, float | None]) -> dict[float, str]:
    """number -> stem; none at all where two stems have the same, since then it tells them not apart."""
    found = {number: stem for stem, number in numbers.items() if number is not None}
    return found if len(found) == sum(number is not None for number in numbers.values()) else {}


def _number(stem: str, which: int) -> float | None:
    digits = re.findall(r"\d+", stem)
    return float(digits[which]) if digits else None
