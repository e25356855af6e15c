"""Leaving a long computation when it suits it: signals that ask for the end, locks that keep others out."""

import fcntl
import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from ...core.errors import BadInput
from .parallel import Ranks

LOCK = ".lock"

log = logging.getLogger(__name__)


class StopSignals:
    """Which signal asked for the end, if one did."""

    name: str | None = None


@contextmanager
def stop_signals() -> Iterator[StopSignals]:
    """Ctrl-C, SIGTERM and SIGHUP in the block ask for the end; Ctrl-C again interrupts at once.

    In the main thread only; a SIGHUP that is ignored (`nohup`) stays so.
    """
    asked = StopSignals()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def ask(number: int, frame: FrameType | None) -> None:
        asked.name = signal.Signals(number).name
        log.warning(
            "%s: stopping as soon as this step, or the validation after it, is saved; Ctrl-C ends at once.", asked.name
        )
        signal.signal(signal.SIGINT, signal.default_int_handler)

    asking = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        asking.append(signal.SIGHUP)
    before = {number: signal.signal(number, ask) for number in asking}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def claimed(folder: Path, ranks: Ranks) -> Iterator[None]:
    """`folder`, made where it is missing, for one training's processes alone; free again when they end, anyhow.

    A record lock, since another kind would live on in forked children of a killed process.
    """
    descriptor, problem = None, None
    if ranks.first:
        try:
            descriptor = _claim(folder)
        except BadInput as error:
            problem = str(error)
    try:
        if problem := ranks.of_first(problem):
            raise BadInput(problem)
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _claim(folder: Path) -> int:
    """The descriptor that holds the lock."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise BadInput(f"{folder} cannot be written: {error.strerror or error}.") from error
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise BadInput(
            f"Another training run is active in {folder}; wait for it, stop it, or use another folder."
        ) from error
    return descriptor
