"""SIGTERM and SIGHUP end work as Ctrl-C does: by an exception, so that what was begun is closed."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ASKING = (signal.SIGTERM, signal.SIGHUP)


class Stopped(KeyboardInterrupt):
    """A signal other than Ctrl-C asked for the end."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


@contextmanager
def raised() -> Iterator[None]:
    """Raise Stopped for such a signal in the block, in the main thread; the next one ends the process at once.

    A signal that is ignored stays so: `nohup` asks for that.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _ASKING}
    _answer({number: signal.SIG_DFL for number in _ASKING if before[number] == signal.SIG_DFL})
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def raise_in_worker() -> None:
    """The same for the life of a process that works for another, which may ask twice."""
    _answer(dict.fromkeys(_ASKING, signal.SIG_IGN))


def _answer(afterwards: dict[signal.Signals, signal.Handlers]) -> None:
    def stop(number: int, frame: FrameType | None) -> None:
        for each, handler in afterwards.items():
            signal.signal(each, handler)
        raise Stopped(number)

    for number in afterwards:
        signal.signal(number, stop)
