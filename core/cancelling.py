"""Stopping what nobody waits for any more: a caller says how to tell, long work asks between its steps."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from .errors import Cancelled

_asked: ContextVar[Callable[[], bool] | None] = ContextVar("cancelled", default=None)


@contextmanager
def stoppable(cancelled: Callable[[], bool] | None) -> Iterator[None]:
    """In the block, and in what it calls, `step` raises Cancelled once `cancelled()` is true; None: never."""
    token = _asked.set(cancelled)
    try:
        yield
    finally:
        _asked.reset(token)


def step() -> None:
    """Between two steps of work: raise Cancelled when the result is not wanted any more."""
    cancelled = _asked.get()
    if cancelled is not None and cancelled():
        raise Cancelled("The answer is not wanted any more: the search was stopped.")
