"""Dataclasses of arrays: whether the arrays have the shapes that their fields say, and how large they are."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from .errors import BadInput


def check_shapes(of: Any, shapes: Mapping[str, tuple[str | int, ...]], sizes: Mapping[str, int]) -> None:
    """BadInput for an array of another shape than `shapes` says of its field; letters without a size fit any."""
    for name, letters in shapes.items():
        found = getattr(of, name).shape
        wanted = [letter if isinstance(letter, int) else sizes.get(letter) for letter in letters]
        if len(wanted) != len(found) or any(want not in (None, have) for want, have in zip(wanted, found, strict=True)):
            raise BadInput(f"{type(of).__name__}.{name} of shape {found} is not ({', '.join(map(str, letters))}).")


def bytes_of_arrays(of: Any) -> int:
    """Bytes of all arrays that are fields of a dataclass."""
    values = (getattr(of, field.name) for field in fields(of))
    return sum(value.nbytes for value in values if isinstance(value, np.ndarray))
