"""Lists that are in memory anyway, in parts; those of the database are cut by the database."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from ..core.paging import Page, key_of, token

Item = TypeVar("Item")

MOST = 500  # items of a part


def part(items: Sequence[Item], order: str, key: Callable[[Item], int], after: str | None, limit: int) -> Page[Item]:
    """The items behind the one that the part before ended with; they ascend by their key."""
    behind = None if after is None else key_of(after, order, (int,))[0]
    rest = [item for item in items if behind is None or key(item) > int(behind)]
    taken = rest[:limit]
    return Page(taken, token(order, (key(taken[-1]),)) if len(rest) > limit else None, len(items))
