"""What a scan leaves out is counted, with the reason, and the first few are named."""

from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

from ...core.wording import short_list, shown

T = TypeVar("T", bound=Hashable)

NAMED = 3
NO_POSE = "no valid camera_to_world"
_LETTERS = 100  # of a name


def some(names: Sequence[object]) -> str:
    """The first few, and how many more there are: "3, 4, 5 and 12 more"."""
    return short_list([shown(str(name)[:_LETTERS]) for name in names], NAMED)


def skipped(names: Sequence[object], of: int, why: str, what: str = "frames") -> list[str]:
    """A finding about those that were skipped; none where nothing was."""
    return [f"{len(names):,} of {of:,} {what} skipped: {why} ({some(names)})"] if names else []


def less(every: Iterable[T], kept: Iterable[T]) -> list[T]:
    """Those of `every` that are not among `kept`, in their order."""
    kept = set(kept)
    return [one for one in every if one not in kept]
