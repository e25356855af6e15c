"""Long lists in pages: a page ends with the key of its last row, after which the next one goes on.

Rows that come and go meanwhile move nothing, as they would with numbered pages.
"""

import base64
import binascii
import json
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from .errors import BadInput

Item = TypeVar("Item")
Key = Sequence[int | str]

_LONGEST = 10_000  # characters of a token; names of scenes are in it


class Page(list[Item]):
    """A list, and what `after` takes to go on behind it: None at the end, or where no page was asked for."""

    def __init__(self, items: Iterable[Item] = (), next: str | None = None, total: int | None = None) -> None:
        super().__init__(items)
        self.next = next
        self.total = total  # of all pages, where it is known


def token(order: str, key: Key) -> str:
    """The key of a row in a list of that order, as text that goes into a URL."""
    return base64.urlsafe_b64encode(json.dumps([order, *key]).encode()).decode().rstrip("=")


def key_of(token: str, order: str, kinds: Sequence[type]) -> Key:
    """The key in a token; BadInput for what `token` did not write, or wrote for another order."""
    try:
        if len(token) > _LONGEST:
            raise ValueError
        found: list[Any] = json.loads(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True))
        own, *key = found
        if isinstance(own, str) and own != order:
            kinds = tuple(type(value) for value in key)  # of another order
        if len(key) != len(kinds) or any(type(value) is not kind for value, kind in zip(key, kinds, strict=True)):
            raise ValueError
        if any(isinstance(value, int) and abs(value) >= 1 << 63 for value in key) or any("\0" in str(v) for v in key):
            raise ValueError
    except (ValueError, TypeError, RecursionError, binascii.Error, UnicodeDecodeError) as error:
        raise BadInput(f"{token[:100]!r} is not where a page ended: give the `next` of a page.") from error
    if own != order:
        raise BadInput(f"The page before was in the order {own!r}, not {order!r}: keep the order, or begin anew.")
    return key


def require_limit(limit: int | None, most: int = 10_000) -> None:
    """BadInput for a page of no rows, or of too many."""
    if limit is not None and not 1 <= limit <= most:
        raise BadInput(f"A page has 1 to {most:,} rows, not {limit}.")
