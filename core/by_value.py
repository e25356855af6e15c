"""Frozen dataclasses that hold arrays, compared by value: `==` of two arrays is an array, and no answer."""

from dataclasses import fields
from typing import Any

import numpy as np

_HASHED = 8  # numbers of an array


class ByValue:
    """Base of a `@dataclass(frozen=True, eq=False)`: equal where all fields are, arrays by shape and elements."""

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(_equal(mine, others) for mine, others in _pairs(self, other))

    def __hash__(self) -> int:
        values = [one for one, _ in _pairs(self, self)]
        return hash(tuple(tuple(v.ravel()[:_HASHED].tolist()) if isinstance(v, np.ndarray) else v for v in values))


def _equal(one: Any, other: Any) -> bool:
    arrays = [isinstance(value, np.ndarray) for value in (one, other)]
    return np.array_equal(one, other) if all(arrays) else not any(arrays) and bool(one == other)


def _pairs(one: Any, other: Any) -> list[tuple[Any, Any]]:
    return [(getattr(one, field.name), getattr(other, field.name)) for field in fields(one)]
