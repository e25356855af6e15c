"""Arithmetic of vectors that several rooms need."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Float = TypeVar("Float", np.float32, np.float64)


def unit_rows(rows: NDArray[Float]) -> NDArray[Float]:
    """(..., dim) at unit length along the last axis; rows of zeros stay, and so do numbers that are not finite."""
    length = np.linalg.norm(rows, axis=-1, keepdims=True)
    unit = np.zeros_like(rows)
    np.divide(rows, length, out=unit, where=length != 0)
    return unit
