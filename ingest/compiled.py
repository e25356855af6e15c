"""Loops that numba compiles where it is installed (the extra `fast`), and that run as plain Python where it is not.

A compiled function keeps its plain twin as `.py_func`; tests hold the two together.
"""

import importlib.util
from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

COMPILED = importlib.util.find_spec("numba") is not None


def compiled(loop: Callable[..., Any]) -> Any:
    """`loop` as machine code: compiled on first use, kept on disk if it can be, free of the interpreter lock."""
    if not COMPILED:
        loop.py_func = loop  # type: ignore[attr-defined]
        return loop
    import numba

    try:
        return numba.njit(cache=True, nogil=True)(loop)
    except RuntimeError:  # neither the package's folder nor this user's home can be written
        return numba.njit(nogil=True)(loop)


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """A view that a loop may not write: so loops are compiled once, not again for arrays that are read-only anyway."""
    view = array.view()
    view.flags.writeable = False
    return view
