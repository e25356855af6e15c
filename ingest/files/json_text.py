"""JSON files of scans: bounded, and any trouble is one sentence."""

import json
from pathlib import Path
from typing import Any

from ...core.budget import Budget
from ...core.errors import BadScene
from .whole import read_bytes

MAX_BYTES = 1 << 28
MAX_NAMES = 1 << 22  # bytes of a file of label names


def read_json(path: Path, max_bytes: int = MAX_BYTES) -> Any:
    """What a JSON file holds; BadScene when it is missing, too large or not JSON."""
    content = read_bytes(path, max_bytes)
    Budget(path).take_json(content)
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BadScene(f"{path}: not JSON: {error}") from error


def read_object(path: Path, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """The same where the file must hold an object, {...}."""
    body = read_json(path, max_bytes)
    if not isinstance(body, dict):
        raise BadScene(f"{path}: a JSON object was expected, not a {type(body).__name__}")
    return body


def read_label_names(path: Path) -> dict[int, str]:
    """Names of the labels of a cloud, {"3": "chair"}."""
    try:
        return {int(label): str(name) for label, name in read_object(path, MAX_NAMES).items()}
    except ValueError as error:
        raise BadScene(f'{path}: an object such as {{"3": "chair"}} was expected: {error}') from error
