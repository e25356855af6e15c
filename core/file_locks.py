"""Locks on files that the kernel drops with their holder, however it ends."""

import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .files import permissions_inside

log = logging.getLogger(__name__)


def opened(path: Path) -> int:
    """A descriptor to lock, on a file that is made for those who may list its folder."""
    try:
        return os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        os.fchmod(descriptor, permissions_inside(path.parent) & 0o666)
        return descriptor


def take(descriptor: int, *, shared: bool = False) -> bool:
    """Take the lock without waiting; False when somebody else's stands against it."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_free(path: Path) -> bool:
    """Whether nobody holds `path` exclusively. Two who ask at once do not disturb each other."""
    descriptor = opened(path)
    try:
        return take(descriptor, shared=True)
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path, reason: str) -> Iterator[int]:
    """The exclusive lock on `path`, as an open descriptor; `reason` is said to a person who has to wait for it."""
    descriptor = opened(path)
    try:
        wait(lambda: take(descriptor), reason)
        yield descriptor
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)  # closing leaves it to whoever was forked meanwhile
        os.close(descriptor)


def wait(ready: Callable[[], bool], reason: str, say_after: float = 2.0, say_every: float = 10.0) -> None:
    """Look until `ready`, however long it takes; say why after two seconds and then every ten."""
    began, say_at, pause = time.monotonic(), say_after, 0.002
    while not ready():
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)
        waited = time.monotonic() - began
        if waited > say_at:
            log.warning("Waiting (%.0f s): %s.", waited, reason)
            say_at = waited + say_every
