"""Rows of a file that are no points: vertices whose coordinates are not finite, as scanners write for lost returns."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadScene


def measured(path: Path, xyz: NDArray[np.floating]) -> NDArray[np.bool_]:
    """(N,) whether each row is a point; BadScene where most are not."""
    finite = np.isfinite(xyz).all(axis=1)
    wrong = int(len(finite) - finite.sum())
    if 2 * wrong > len(finite):
        raise BadScene(f"{path}: {wrong:,} of {len(finite):,} points are not finite")
    return np.asarray(finite)


def faces_of(kept: NDArray[np.bool_], faces: NDArray[np.int32]) -> NDArray[np.int32]:
    """(F', 3) the faces whose corners are all `kept`, which are numbered anew."""
    if kept.all():
        return faces
    row = (np.cumsum(kept) - 1).astype(np.int32)
    return row[faces[kept[faces].all(axis=1)]]
