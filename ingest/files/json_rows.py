"""The rows of a table in JSON, [{...}, {...}, ...], read one after the other: the file may be larger than memory."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...core.errors import BadScene
from .whole import opened_text

MAX_BYTES = 8 << 30  # the largest table of nuScenes has 1.3 GB
MAX_ROW = 1 << 20  # characters
_BLOCK = 1 << 22  # characters read at once
_BLANK = re.compile(r"\s*")


def read_json_rows(path: Path, max_bytes: int = MAX_BYTES) -> Iterator[dict[str, Any]]:
    """Each object of the array in a file; BadScene that names the row where the file is no such array."""
    with opened_text(path, max_bytes) as file:
        yield from _rows(path, file)


def _rows(path: Path, file: Any) -> Iterator[dict[str, Any]]:
    decode = json.JSONDecoder().raw_decode
    text = file.read(_BLOCK)
    place = _skip(text, 0)
    if text[place : place + 1] != "[":
        raise BadScene(f"{path}: a JSON array of rows was expected; it begins with {text[:20]!r}")
    place, number = place + 1, 0
    while True:
        if len(text) - place < MAX_ROW and (more := file.read(_BLOCK)):
            text, place = text[place:] + more, 0
        place = _skip(text, place)
        mark = text[place : place + 1]
        if mark == "]":
            break
        if number and mark != ",":
            raise BadScene(f"{path}: not JSON: {mark!r} after row {number} where a comma or ] was expected")
        try:
            row, place = decode(text, _skip(text, place + 1) if number else place)
        except (ValueError, RecursionError) as error:
            detail = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            raise BadScene(f"{path}: not JSON, or truncated, in row {number + 1}: {detail}") from error
        number += 1
        if not isinstance(row, dict):
            raise BadScene(f"{path}: row {number} is a {type(row).__name__}; an object was expected")
        yield row
    if text[_skip(text, place + 1) :]:
        raise BadScene(f"{path}: not JSON: something follows the table's end")


def _skip(text: str, place: int) -> int:
    found = _BLANK.match(text, place)
    assert found is not None  # blanks may be none
    return found.end()
