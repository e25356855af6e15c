"""Files that are read whole: of bounded size, so that none fills the memory."""

from pathlib import Path

from ...store.errors import BadScene


def read_bytes(path: Path, max_bytes: int) -> bytes:
    """What is in a file; BadScene when it is missing or larger than `max_bytes`."""
    try:
        if (size := path.stat().st_size) > max_bytes:
            raise BadScene(f"{path}: {size:,} bytes; at most {max_bytes:,} are read of such a file")
        return path.read_bytes()
    except OSError as error:
        raise BadScene(f"{path}: {error.strerror or error}") from error


def read_text(path: Path, max_bytes: int) -> str:
    """The same as text, with line feeds between lines however they are written; UTF-8, marked so or not."""
    try:
        return read_bytes(path, max_bytes).decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise BadScene(f"{path}: not a text file") from error
