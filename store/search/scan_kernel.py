"""The compiled scan: one pass over half-precision rows at the speed of memory; its plain twin is in scoring.py."""

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray


def _as_float32(typing_context: Any, bits: Any) -> Any:
    """The half-precision number whose 16 bits are given, as float32 (numba knows no float16 arithmetic on CPUs)."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fpext(builder.bitcast(arguments[0], ir.HalfType()), ir.FloatType())

    return types.float32(types.uint16), code


_half: Any = intrinsic(_as_float32)


def compiled(loop: Callable[..., Any]) -> Any:
    try:
        return njit(nogil=True, fastmath=True, cache=True)(loop)
    except RuntimeError:  # neither the package's folder nor this user's home can be written
        return njit(nogil=True, fastmath=True)(loop)


@compiled
def scan(bits: NDArray[np.uint16], query: NDArray[np.float32], scores: NDArray[np.float32]) -> None:
    """scores[i] = vectors[i] . query, where bits (N, dim) are the vectors seen as uint16."""
    for row in range(bits.shape[0]):
        total = np.float32(0)
        for column in range(query.shape[0]):
            total += _half(bits[row, column]) * query[column]
        scores[row] = total
