"""Values that are dear to make: one per key, however many threads ask at once, the latest kept."""

import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Generic, Literal, TypeVar

State = Literal["cold", "warming", "ready"]  # not made; being made by some thread; at hand

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

_live: "weakref.WeakSet[Once[Any, Any]]" = weakref.WeakSet()


class Once(Generic[Key, Value]):
    """Makes a value when it is first asked for; those who ask meanwhile wait for it.

    An error goes to whoever made the value; the next who asks tries again.
    """

    def __init__(self, make: Callable[[Key], Value], most: int) -> None:
        """At most `most` values are kept: the one that was used least recently goes."""
        self._make = make
        self._most = most
        self._forget_threads()
        self._values: OrderedDict[Key, Value] = OrderedDict()
        _live.add(self)

    def _forget_threads(self) -> None:
        self._guard = threading.Lock()
        self._making: dict[Key, threading.Lock] = {}
        self._warming: set[Key] = set()

    def __call__(self, key: Key) -> Value:
        with self._guard:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
            own = self._making.setdefault(key, threading.Lock())
        with own:
            with self._guard:
                if key in self._values:
                    return self._values[key]
                self._warming.add(key)
            try:
                value = self._make(key)
            except BaseException:
                with self._guard:
                    self._warming.discard(key)
                raise
            with self._guard:
                self._values[key] = value
                self._warming.discard(key)
                self._making.pop(key, None)
                if len(self._values) > self._most:
                    self._values.popitem(last=False)
            return value

    def state(self, key: Key) -> State:
        """How far the value is, without waiting."""
        with self._guard:
            return "ready" if key in self._values else "warming" if key in self._warming else "cold"


def _after_fork() -> None:
    """Other threads stay with the parent, and their locks may have been held; what was made is inherited."""
    for each in list(_live):
        each._forget_threads()


os.register_at_fork(after_in_child=_after_fork)
