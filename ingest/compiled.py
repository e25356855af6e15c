"""Loops that numba compiles where it is installed (the extra `fast`), and that run as plain Python where it is not.

A compiled function keeps its plain twin as `.py_func`; tests hold the two together.
"""

import importlib.util
from collections.abc import Callable
from typing import Any

COMPILED = importlib.util.find_spec("numba") is not None


def compiled(loop: Callable[..., Any]) -> Any:
    """`loop` as machine code: compiled on first use, kept on disk, free of the interpreter lock, one thread."""
    if not COMPILED:
        loop.py_func = loop  # type: ignore[attr-defined]
        return loop
    import numba

    return numba.njit(cache=True, nogil=True)(loop)
