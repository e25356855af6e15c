"""How much a foreign file may make of itself: bytes for each byte read, items, seconds.

A file of a few bytes can ask for any amount of memory or work: an archive unfolds a thousandfold, a list names itself a
million times, a header claims what it likes. Readers take from a budget before they take memory. docs/datasets.md has
the limits for users.
"""

import struct
import time
from pathlib import Path

from .errors import BadScene
from .regular import require_file

FREE_BYTES = 256 << 20  # that any file may unfold to
BYTES_A_BYTE = 100  # beyond it; depth and label images of zlib stay below 60
ITEMS = 1_000_000  # of a file whose items are Python objects: entries of a list, frames, opcodes of a pickle
SECONDS = 60.0  # for work that is done item by item
_MOST_VALUES = 10_000_000  # of a JSON file; the segments of a ScanNet++ mesh are two million
_MOST_WORDS = 5_000_000  # of a text file; the poses of a recording of five hours at 30 Hz
_NPY_HEADER = 1 << 16  # bytes; NumPy writes 118


class Budget:
    """What is left for one file; BadScene, which names it, when it asks for more."""

    def __init__(self, path: Path, items: int = ITEMS, seconds: float = SECONDS) -> None:
        self.path = path
        self._size = require_file(path)
        self._bytes = max(FREE_BYTES, BYTES_A_BYTE * self._size)
        self._items, self._most_items = items, items
        self._deadline, self._seconds = time.monotonic() + seconds, seconds

    def take_bytes(self, count: int, what: str = "it") -> None:
        """Before so many are made."""
        self._bytes -= count
        if self._bytes < 0:
            raise BadScene(
                f"{self.path}: {what} would expand to {count:,} bytes, too many for a file of {self._size:,}: at "
                f"most {BYTES_A_BYTE} bytes are accepted for each byte of the file"
            )

    def take_json(self, content: bytes) -> None:
        """Before it is parsed: each value takes some 40 bytes of memory, each list and object a few hundred."""
        self.take_items(content.count(b"{") + content.count(b"["))
        if (values := content.count(b",") + 1) > _MOST_VALUES:
            raise BadScene(f"{self.path}: {values:,} values; a JSON file may have at most {_MOST_VALUES:,}")

    def take_text(self, content: bytes) -> None:
        """Before it is split: a line of a few bytes becomes a list of its own."""
        self.take_items(content.count(b"\n") + content.count(b"\r"))
        if (words := content.count(b" ") + content.count(b"\t") + content.count(b",")) > _MOST_WORDS:
            raise BadScene(f"{self.path}: {words:,} words; a text file may have at most {_MOST_WORDS:,}")

    def take_items(self, count: int = 1) -> None:
        """Before so many are looked at, one by one."""
        self._items -= count
        if self._items < 0:
            raise BadScene(f"{self.path}: more than {self._most_items:,} entries; such a file may not have more")
        if time.monotonic() > self._deadline:
            raise BadScene(f"{self.path}: reading took over {self._seconds:g} s and was cancelled")


def require_short_npy_header(path: Path) -> None:
    """ValueError for a .npy whose header claims a length that no writer has; NumPy would read all of it."""
    require_file(path)
    with path.open("rb") as file:
        start = file.read(12)
    if start[:6] != b"\x93NUMPY" or len(start) < 12:
        return  # NumPy has the words for it
    (length,) = struct.unpack("<H", start[8:10]) if start[6] == 1 else struct.unpack("<I", start[8:12])
    if length > _NPY_HEADER:
        raise ValueError(f"a header of {length:,} bytes; at most {_NPY_HEADER:,} were expected")
