"""Arrays in .npy files: mapped, so that a lying header takes no memory, and never unpickled."""

import tokenize
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .budget import require_short_npy_header
from .errors import BadInput
from .wording import reason

READING = (OSError, ValueError, EOFError, SyntaxError, tokenize.TokenError, OverflowError)  # what NumPy raises


def map_npy(path: Path) -> NDArray[Any]:
    """The real numbers of a .npy file, of any shape, still on disk."""
    try:
        require_short_npy_header(path)
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    except READING as error:
        raise unreadable(path, error) from error
    if not isinstance(mapped, np.ndarray):
        raise BadInput(f"{path}: an archive that is called .npy; call it .npz.")
    return require_numbers(path, mapped)


def require_numbers(path: Path, found: NDArray[Any], empty: bool = True) -> NDArray[Any]:
    """The same array, or a sentence: real numbers were expected, and without `empty` at least one."""
    if found.dtype.kind not in "fiub" or (found.size == 0 and not empty):
        raise BadInput(f"{path}: an array of {found.dtype} of shape {found.shape}; real numbers were expected.")
    return found


def unreadable(path: Path, error: BaseException) -> BadInput:
    """What to raise where a file holds no arrays."""
    return BadInput(f"{path}: cannot be read as an array of numbers: {reason(error).replace(str(path), 'the file')}")
