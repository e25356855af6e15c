"""Lists in parts: the token of the next part holds the key that the last one ended with, never a position."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ..core.errors import BadInput

Item = TypeVar("Item")

MOST = 500


def token(key: Sequence[Any]) -> str:
    """What `after` takes to go on behind the key."""
    return base64.urlsafe_b64encode(json.dumps(list(key), separators=(",", ":")).encode()).decode().rstrip("=")


def key_of(after: str | None, kinds: Sequence[type]) -> tuple[Any, ...] | None:
    """The key in a token of values of these kinds; BadInput for what no answer had as `next`."""
    if after is None:
        return None
    try:
        found = json.loads(base64.urlsafe_b64decode(after + "=" * (-len(after) % 4)))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise _foreign(after) from error
    if not isinstance(found, list) or len(found) != len(kinds):
        raise _foreign(after)
    for value, kind in zip(found, kinds, strict=True):
        if type(value) is not kind:
            raise _foreign(after)
        if (isinstance(value, int) and abs(value) >= 1 << 62) or (isinstance(value, str) and "\0" in value):
            raise _foreign(after)
    return tuple(found)


def part(
    items: Sequence[Item], key: Callable[[Item], tuple[Any, ...]], after: tuple[Any, ...] | None, limit: int
) -> tuple[list[Item], str | None]:
    """The items behind the key, in the order of their keys, and the token of the next part."""
    ordered = sorted(items, key=key)
    rest = ordered if after is None else [item for item in ordered if key(item) > after]
    taken = rest[:limit]
    return taken, token(key(taken[-1])) if len(rest) > limit else None


def _foreign(after: str) -> BadInput:
    return BadInput(f"after={after[:40]} is not the `next` of an answer to this request.")
