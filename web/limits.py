"""How much work is taken on at once, of everybody and of one client."""

import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import TypeVar

import anyio
from anyio import to_thread
from starlette.requests import Request

from .problems import busy

Result = TypeVar("Result")

_gone: ContextVar[threading.Event] = ContextVar("gone")
_ASK_SECONDS = 0.05  # between looks whether a waiting client has gone


class Gone(Exception):
    """The client went away: nobody waits for the answer."""


class Gate:
    """Lets so many in at once; others wait their turn, a few of each client, and not for ever."""

    def __init__(self, at_once: int, waiting_each: int, patience: float, what: str) -> None:
        self._free = anyio.Semaphore(at_once)
        self._waiting: Counter[str] = Counter()
        self._waiting_each, self._patience, self._what = waiting_each, patience, what

    @asynccontextmanager
    async def entered(self, request: Request) -> AsyncIterator[None]:
        """A place, held in the block; a problem for one who asks for too many."""
        client = client_of(request)
        if self._waiting[client] >= self._waiting_each:
            raise busy(f"{self._waiting_each} {self._what} of yours are waiting already: ask again.")
        self._waiting[client] += 1
        try:
            with anyio.move_on_after(self._patience) as waited:
                while True:
                    try:
                        self._free.acquire_nowait()
                        break
                    except anyio.WouldBlock:
                        if await request.is_disconnected():
                            raise Gone from None
                        await anyio.sleep(_ASK_SECONDS)
            if waited.cancelled_caught:
                raise busy(f"All places for {self._what} are taken: ask again.")
        finally:
            self._waiting[client] -= 1
            if not self._waiting[client]:
                del self._waiting[client]
        try:
            yield
        finally:
            self._free.release()


class Gates:
    """What takes time on the server."""

    def __init__(self) -> None:
        self.searches = Gate(4, 8, 10.0, "questions")
        self.encodes = Gate(1, 2, 30.0, "pictures and words to encode")
        self.thumbnails = Gate(2, 32, 60.0, "thumbnails")  # browsers ask for six at once, and for many in a row
        self.builds = Gate(2, 4, 60.0, "scenes to prepare")
        self.statements = Gate(2, 2, 10.0, "SQL statements")


async def worked(request: Request, gate: Gate, work: Callable[[], Result]) -> Result:
    """What `work` returns, done in a thread behind the gate; not begun for a client that has gone meanwhile.

    A client that goes later is seen by `gone` in that thread.
    """
    async with gate.entered(request):
        if await request.is_disconnected():
            raise Gone
        gone = threading.Event()
        _gone.set(gone)
        try:
            async with anyio.create_task_group() as watching:
                watching.start_soon(_watch, request, gone)
                result = await to_thread.run_sync(work)
                watching.cancel_scope.cancel()
        except* Exception as group:
            raise group.exceptions[0] from None
    return result


def gone() -> bool:
    """Whether the client that the work of this thread is for went away; asked between its steps."""
    event = _gone.get(None)
    return event is not None and event.is_set()


async def _watch(request: Request, gone: threading.Event) -> None:
    while not await request.is_disconnected():
        await anyio.sleep(_ASK_SECONDS)
    gone.set()


def client_of(request: Request) -> str:
    """Whose request it is, for limits."""
    return request.client.host if request.client is not None else ""
