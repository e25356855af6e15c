"""COCO's run lengths: masks as lengths of 0s and 1s in turn, columns first, as numbers or as its compressed text."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput
from ..pictures import check_size

_MOST_CHARACTERS = 8  # of a number in the text: 40 bits


def mask_of_runs(path: Path, height: int, width: int, runs: object) -> NDArray[np.bool_]:
    """(H, W) from text or numbers; `path` is the file that is blamed."""
    check_size(path, width, height)
    lengths = _lengths(path, runs)
    if (lengths < 0).any() or (lengths > height * width).any() or lengths.sum() != height * width:
        total = f"{sum(lengths.tolist()):,}"
        raise BadInput(f"{path}: runs of {total} pixels for a mask of {width}x{height}, which has {height * width:,}.")
    values = np.arange(len(lengths)) % 2 == 1
    return np.repeat(values, lengths).reshape(width, height).T


def run_lengths(text: str) -> NDArray[np.int64]:
    """COCO's text of run lengths: six bits a character from '0', five of number, one that says that more follow.

    From the third on a number is the difference to the one two before; its highest bit is its sign.
    """
    bits = np.frombuffer(text.encode("latin-1", "replace"), np.uint8).astype(np.int64) - 48
    if not len(bits):
        return bits
    last = (bits & 32) == 0
    if (bits < 0).any() or (bits > 63).any() or not last[-1]:
        raise ValueError("the text is truncated, or has other characters than COCO's '0' to 'o'")
    start = np.append(0, np.flatnonzero(last)[:-1] + 1)
    place = np.arange(len(bits)) - np.repeat(start, np.diff(np.append(start, len(bits))))
    if place.max() >= _MOST_CHARACTERS:
        raise ValueError("a number of more than 40 bits")
    found = np.add.reduceat((bits & 31) << (5 * place), start)
    found -= np.where(bits[last] & 16, np.int64(1) << (5 * (place[last] + 1)), 0)
    found[1::2] = np.cumsum(found[1::2])
    found[2::2] = np.cumsum(found[2::2])
    return found


def _lengths(path: Path, runs: object) -> NDArray[np.int64]:
    try:
        if isinstance(runs, str):
            return run_lengths(runs)
        if isinstance(runs, Sequence) and all(type(one) is int for one in runs):
            return np.array(runs, np.int64)
    except (ValueError, OverflowError) as error:
        raise BadInput(f"{path}: not COCO's run lengths: {error}.") from error
    raise BadInput(
        f"{path}: run lengths of type {type(runs).__name__}; COCO's text or a list of whole numbers was expected."
    )
