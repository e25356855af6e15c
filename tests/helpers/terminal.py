"""What a terminal shows."""

import os
import pty
import re
import threading
from collections.abc import Callable
from contextlib import redirect_stdout, suppress

import pytest


def shown_on_terminal(columns: int, show: Callable[[], None]) -> list[str]:
    """The lines that `show` prints on a terminal of that width, without colours and blanks at line ends."""
    ours, theirs = pty.openpty()
    parts: list[bytes] = []

    def read() -> None:
        with suppress(OSError):  # how a terminal says that nobody writes to it any more
            while part := os.read(ours, 10_000):
                parts.append(part)

    reader = threading.Thread(target=read)
    reader.start()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("COLUMNS", str(columns))
        environment.setenv("TERM", "xterm")
        with os.fdopen(theirs, "w") as terminal, redirect_stdout(terminal):
            show()
    reader.join()
    os.close(ours)
    return [re.sub(r"\x1b\[[\d;]*m", "", line).rstrip() for line in b"".join(parts).decode().splitlines()]
