"""JSON files of scans: bounded, and any trouble is one sentence."""

import json
from pathlib import Path
from typing import Any

from ...store.errors import BadScene

MAX_BYTES = 1 << 28


def read_json(path: Path, max_bytes: int = MAX_BYTES) -> Any:
    """What a JSON file holds; BadScene when it is missing, too large or not JSON."""
    try:
        if path.stat().st_size > max_bytes:
            raise BadScene(f"{path}: {path.stat().st_size:,} bytes; at most {max_bytes:,} are read")
        return json.loads(path.read_bytes())
    except OSError as error:
        raise BadScene(f"{path}: {error.strerror or error}") from error
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
        return {int(label): str(name) for label, name in read_object(path).items()}
    except ValueError as error:
        raise BadScene(f'{path}: an object such as {{"3": "chair"}} was expected: {error}') from error
