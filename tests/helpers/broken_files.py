"""Files as they should not be: damaged, replaced, or claiming what is not so. Shared by tests."""

import io
import json
import os
import re
import shutil
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

Change = Callable[[Path, bytes], None]  # makes something in the place of a file whose bytes are given
_NUMBER = re.compile(rb"(?<![\w.+-])-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])")
GONE = object()  # a value that is to be left out


@contextmanager
def broken(path: Path, change: Change) -> Iterator[None]:
    """The file with `change(path, its bytes)` made in its place; put back afterwards."""
    kept = path.with_name(".kept")
    content = path.read_bytes()
    path.rename(kept)
    try:
        change(path, content)
        yield
    finally:
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
        kept.rename(path)


def missing(path: Path, content: bytes) -> None:
    pass


def empty(path: Path, content: bytes) -> None:
    path.touch()


def half(path: Path, content: bytes) -> None:
    path.write_bytes(content[: len(content) // 2])


def garbled(path: Path, content: bytes) -> None:
    rng = np.random.default_rng(len(content))
    changed = bytearray(content)
    for reach in (64, len(content)):
        for place in rng.random(8) * min(reach, len(content)):
            changed[int(place) : int(place) + 1] = rng.bytes(1)
    path.write_bytes(changed)


def noise(path: Path, content: bytes) -> None:
    path.write_bytes(np.random.default_rng(0).bytes(len(content)))


def nul(path: Path, content: bytes) -> None:
    middle = len(content) // 2
    path.write_bytes(content[:middle] + b"\0" + content[middle:])


def folder(path: Path, content: bytes) -> None:
    path.mkdir()


def pipe(path: Path, content: bytes) -> None:
    os.mkfifo(path)


CHANGES = (missing, empty, half, garbled, noise, nul, folder, pipe)


def text_lies(content: bytes, rng: np.random.Generator) -> Iterator[bytes]:
    """One number of a text, or all of them, replaced by what no reader hopes for."""
    numbers = list(_NUMBER.finditer(content))
    for place in range(6):
        if numbers:
            found = numbers[place if place < min(3, len(numbers)) else int(rng.integers(len(numbers)))]
            lie = (b"2147483648", b"-1", b"NaN", b"9" * 30, b"1e308", b"")[int(rng.integers(6))]
            yield content[: found.start()] + lie + content[found.end() :]
    for lie in (b"2147483648", b"-1", b"0", b"nan", b"1e308"):
        yield _NUMBER.sub(lie, content)


def json_lies(content: bytes, rng: np.random.Generator) -> Iterator[bytes]:
    """One value of a document left out, or replaced by one of another kind."""
    lies = (
        GONE,
        None,
        -1,
        2**31,
        2**63,
        float("nan"),
        1e308,
        "",
        "a\0b",
        "\ud800",
        "../secret",
        "x" * 300,
        [],
        {},
        [[]],
    )
    for lie in lies * 2:
        yield json.dumps(_with(lie, json.loads(content), rng)).encode()


def _with(lie: Any, value: Any, rng: np.random.Generator) -> Any:
    """The value with `lie` somewhere in it, or in its place."""
    if not isinstance(value, dict | list) or not value or (lie is not GONE and rng.random() < 0.15):
        return lie
    keys = list(value) if isinstance(value, dict) else range(len(value))
    key = keys[int(rng.integers(len(keys)))]
    value[key] = _with(lie, value[key], rng)
    if value[key] is GONE:
        del value[key]
    return value


def picture_lies(content: bytes, rng: np.random.Generator) -> Iterator[bytes]:
    """Another size in the header."""
    for width, height in ((60_000, 60_000), (12_000, 9_000), (0, 0), (7, 11)):
        if content.startswith(b"\x89PNG"):
            head = struct.pack(">II", width, height) + content[24:29]
            yield content[:16] + head + struct.pack(">I", zlib.crc32(b"IHDR" + head)) + content[33:]
        elif found := re.search(rb"\xff[\xc0-\xc2]..\x08", content, re.DOTALL):
            yield content[: found.end()] + struct.pack(">HH", height, width) + content[found.end() + 4 :]


def array_lies(content: bytes, rng: np.random.Generator) -> Iterator[bytes]:
    """Another shape, or another kind of value, in the header of a .npy."""
    array = np.load(io.BytesIO(content))
    for shape in ((2**31, *array.shape), (2**31, *array.shape[1:]), (0, *array.shape[1:]), array.shape[1:], (-1, 4)):
        yield _npy(shape, array.dtype.str, array.tobytes())
    for kind in ("|O", "<U9", "<c16", "|b1", "<f2"):
        yield _npy(array.shape, kind, array.tobytes())
    for value in (np.nan, np.inf, -1, 2**31 - 1, 0):
        with np.errstate(invalid="ignore"):
            yield _npy(array.shape, array.dtype.str, np.full(array.shape, value).astype(array.dtype).tobytes())


def _npy(shape: tuple[int, ...], kind: str, values: bytes) -> bytes:
    head = repr({"descr": kind, "fortran_order": False, "shape": shape}).encode().ljust(117) + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(head)) + head + values


def binary_lies(content: bytes, rng: np.random.Generator) -> Iterator[bytes]:
    """A count or a number that cannot be, near the beginning or anywhere."""
    for reach in (16, 64, 256, len(content)):
        for lie in (struct.pack("<Q", 1 << 31), b"\xff" * 8, bytes(8), struct.pack("<d", np.nan), b"\0\0\xc0\x7f" * 2):
            place = int(rng.integers(max(min(reach, len(content)) // 4, 1))) * 4
            yield content[:place] + lie + content[place + 8 :]


def lies(path: Path, content: bytes) -> list[bytes]:
    """What a file may claim that is not so."""
    rng = np.random.default_rng(len(content))
    if path.suffix == ".json":
        return [*json_lies(content, rng), *text_lies(content, rng)]
    if path.suffix == ".npy":
        return list(array_lies(content, rng))
    if path.suffix == ".ply":
        head, end, body = content.partition(b"end_header\n")
        return [lie + end + body for lie in text_lies(head, rng)] + [head + end + lie for lie in binary_lies(body, rng)]
    if path.suffix in (".png", ".jpg"):
        return list(picture_lies(content, rng))
    return list((text_lies if _is_text(content) else binary_lies)(content, rng))


def _is_text(content: bytes) -> bool:
    return b"\0" not in content and content.isascii()
