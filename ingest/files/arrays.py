"""Arrays in .npy files: mapped, so that a lying header takes no memory, and never unpickled."""

import tokenize
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.budget import require_short_npy_header
from ...core.errors import BadInput


def map_npy(path: Path) -> NDArray[Any]:
    """The real numbers of a .npy file, of any shape, still on disk."""
    try:
        require_short_npy_header(path)
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, SyntaxError, tokenize.TokenError, OverflowError) as error:
        detail = getattr(error, "strerror", None) or str(error).replace(str(path), "the file")
        raise BadInput(f"{path}: cannot be read as an array of numbers: {detail}") from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fui":
        raise BadInput(f"{path}: not an array of real numbers")
    return array
