"""The openers of files that are read whole or line by line: of bounded size, byte order marks passed over."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from ...core.budget import Budget
from ...core.errors import BadScene
from ...core.regular import require_file


def read_bytes(path: Path, max_bytes: int) -> bytes:
    """What is in a file; BadScene when it is missing or larger than `max_bytes`."""
    try:
        if (size := require_file(path)) > max_bytes:
            raise BadScene(f"{path}: {size:,} bytes; at most {max_bytes:,} are read of such a file")
        return path.read_bytes()
    except OSError as error:
        raise BadScene(f"{path}: {error.strerror or error}") from error


def read_text(path: Path, max_bytes: int) -> str:
    """The same as text, with line feeds between lines however they are written; UTF-8, marked so or not."""
    content = read_bytes(path, max_bytes)
    Budget(path).take_text(content)
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise BadScene(f"{path}: not a text file") from error


@contextmanager
def opened_text(path: Path, max_bytes: int) -> Iterator[TextIO]:
    """A text that is larger than memory; what goes wrong while it is read is BadScene, too."""
    try:
        if (size := require_file(path)) > max_bytes:
            raise BadScene(f"{path}: {size:,} bytes; at most {max_bytes:,} are read of such a file")
        with path.open(encoding="utf-8-sig") as file:
            yield file
    except OSError as error:
        raise BadScene(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise BadScene(f"{path}: not a text file") from error


def read_words(path: Path, max_bytes: int = 1 << 26) -> list[str]:
    """The words of a list, such as the names of scenes."""
    return read_text(path, max_bytes).split()
