"""Fewer of many: evenly, and the same ones every time."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def spread(items: Sequence[T], limit: int | None) -> list[T]:
    """At most `limit` items, evenly over the whole, first and last among them; all when there is no limit."""
    if limit is None or len(items) <= limit:
        return list(items)
    if limit == 1:
        return [items[0]]
    return [items[(i * (len(items) - 1) + (limit - 1) // 2) // (limit - 1)] for i in range(limit)]
