"""How much work is taken on at once, of everybody and of one client."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import anyio
from anyio import to_thread
from starlette.requests import Request

from .problems import Problem, busy

Result = TypeVar("Result")

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
        self.builds = Gate(2, 4, 60.0, "scenes to prepare")
        self.statements = Gate(2, 2, 10.0, "SQL statements")


async def worked(request: Request, gate: Gate, work: Callable[[], Result], seconds: float | None = None) -> Result:
    """What `work` returns, done in a thread behind the gate; not begun for a client that has gone meanwhile."""
    async with gate.entered(request):
        if await request.is_disconnected():
            raise Gone
        with anyio.move_on_after(seconds if seconds is not None else float("inf")) as timed:
            return await to_thread.run_sync(work, abandon_on_cancel=seconds is not None)
    assert timed.cancelled_caught
    raise Problem(503, "busy", f"This took more than {seconds:g} s and was given up.", headers={"Retry-After": "5"})


def client_of(request: Request) -> str:
    """Whose request it is, for limits."""
    return request.client.host if request.client is not None else ""
