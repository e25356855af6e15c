"""sha256 of recipes and contents: equal inputs give equal digests on every machine, in every order of work."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import BadInput


def canonical_json(value: Any) -> str:
    """Sorted keys, no whitespace, floats as Python's repr; what JSON cannot say is refused."""
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise BadInput(f"A recipe may contain only finite numbers, text, lists and objects: {error}.") from error


def recipe_digest(recipe: Mapping[str, Any]) -> str:
    """sha256 (hexadecimal) of the recipe as canonical JSON."""
    return hashlib.sha256(canonical_json(recipe).encode()).hexdigest()


def json_digest(value: Any) -> str:
    """sha256 (hexadecimal) of what a file says of itself, as JSON with sorted keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """sha256 (hexadecimal) of a file's bytes; OSError where it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class ContentDigest:
    """Adds up named values; the same names and values in the same order give the same digest."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def array(self, name: str, values: NDArray[Any] | None) -> None:
        """Type, shape and little-endian bytes; None differs from empty."""
        if values is None:
            self._hash.update(f"{name}:none\n".encode())
            return
        plain = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
        self._hash.update(f"{name}:{plain.dtype.str}{plain.shape}\n".encode())
        self._hash.update(plain.reshape(-1).view(np.uint8).data)

    def value(self, name: str, value: Any) -> None:
        """Anything JSON can say."""
        self._hash.update(f"{name}:{canonical_json(value)}\n".encode())

    def hexdigest(self) -> str:
        return self._hash.hexdigest()
