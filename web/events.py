"""What happens in the store, told to everybody who listens: one look at the database for all of them."""

import json
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import anyio
from anyio import to_thread

from ..core.errors import OvstoreError
from .documents import dumped

MOST_STREAMS = 64
_LOOK_SECONDS = 1.0
_CLOSELY_SECONDS = 10.0  # a worker that was killed changes nothing in the database
_COMMENT_SECONDS = 15.0
_KEPT = 1_000  # events that one who comes back may have missed


@dataclass(frozen=True)
class Event:
    """One thing that happened."""

    id: int
    topic: str
    kind: str
    body: bytes

    def encoded(self) -> bytes:
        """As the wire has it."""
        return b"id: %d\nevent: %s\ndata: %s\n\n" % (self.id, self.kind.encode(), self.body)


class Watcher:
    """Looks once a second while somebody listens, and keeps what it saw."""

    def __init__(
        self, changes: Callable[[], object], look: Callable[[], dict[tuple[str, Any], Any]], closing: threading.Event
    ) -> None:
        """`look` gives what there is: (topic, key) -> a document; it is the same while `changes` gives equal values."""
        self._changes, self._look, self._closing = changes, look, closing
        self._as_of: object = None
        self._looked_closely = 0.0
        self._streams = 0
        self._lock = threading.Lock()
        self._known: dict[tuple[str, Any], bytes] | None = None
        self._looked = 0.0
        self._last = int(time.time() * 1000)  # later than those of an earlier server
        self._events: deque[Event] = deque(maxlen=_KEPT)

    def subscribed(self, topics: Sequence[str], last: str | None) -> "Subscription | None":
        """A stream of events after the one called `last`; None where there are too many."""
        with self._lock:
            if self._streams >= MOST_STREAMS:
                return None
            self._streams += 1
            after = int(last) if last and last.isdecimal() and len(last) < 20 else self._last
        return Subscription(self, frozenset(topics), after)

    def left(self) -> None:
        """A stream ended."""
        with self._lock:
            self._streams -= 1

    @property
    def closing(self) -> bool:
        """Whether the server stops."""
        return self._closing.is_set()

    def since(self, id: int) -> list[Event]:
        """The events after that one, looking anew where the last look is a second ago."""
        with self._lock:
            if time.monotonic() - self._looked >= _LOOK_SECONDS:
                self._notice()
            return [event for event in self._events if event.id > id]

    def _notice(self) -> None:
        try:
            as_of = self._changes()
            if as_of == self._as_of and time.monotonic() - self._looked_closely < _CLOSELY_SECONDS:
                return
            now = {key: dumped(value) for key, value in self._look().items()}
        except OvstoreError:
            return  # the database is away; the next look says what changed
        finally:
            self._looked = time.monotonic()
        self._as_of, self._looked_closely = as_of, self._looked
        before, self._known = self._known, now
        if before is None:
            return
        for key in now:
            if now[key] != before.get(key):
                self._add(key, now[key], "added" if key not in before else "replaced")
        for key in before.keys() - now.keys():
            self._add(key, before[key], "forgotten")

    def _add(self, key: tuple[str, Any], body: bytes, change: str) -> None:
        topic = key[0]
        if topic == "scenes":
            body = dumped({"change": change, **json.loads(body)})
        elif change == "forgotten":
            return
        self._last += 1
        self._events.append(Event(self._last, topic, topic.removesuffix("s"), body))


class Subscription:
    """One client that listens."""

    def __init__(self, watcher: Watcher, topics: frozenset[str], after: int) -> None:
        self._watcher, self._topics, self._after = watcher, topics, after

    async def stream(self) -> AsyncIterator[bytes]:
        """Events until the client goes or the server stops; a comment where nothing happens."""
        try:
            yield b"retry: 2000\n\n"
            spoke = time.monotonic()
            while not self._watcher.closing:
                events = await to_thread.run_sync(self._watcher.since, self._after)
                for event in events:
                    self._after = event.id
                    if event.topic in self._topics:
                        yield event.encoded()
                        spoke = time.monotonic()
                if time.monotonic() - spoke >= _COMMENT_SECONDS:
                    yield b": still here\n\n"
                    spoke = time.monotonic()
                await anyio.sleep(_LOOK_SECONDS / 4)
        finally:
            self._watcher.left()
