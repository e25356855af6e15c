"""The plain path of fusion: features = W · G as a sparse product of scipy's. Slow, short, and right."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from .sampling_weights import Taps, block_taps

__all__ = ["block_taps", "fuse_block", "inverse_norms", "parallel"]

parallel = False


def inverse_norms(table: NDArray[np.float16]) -> NDArray[np.float32]:
    """(R,) 1 / length of each row; 0 where that is no number."""
    norm = np.linalg.norm(table.astype(np.float32), axis=1)
    usable = (norm > 0) & np.isfinite(norm)
    return np.divide(1, norm, out=np.zeros_like(norm), where=usable)


def fuse_block(
    taps: Taps, table: NDArray[np.float16], unit_length: bool, vectors: NDArray[np.float16]
) -> NDArray[np.bool_]:
    """Fill vectors (P, C); (P,) is False where no direction came out."""
    used, column = np.unique(taps.row, return_inverse=True)
    matrix = csr_matrix(
        (taps.weight, column, np.append(taps.start, taps.stop[-1])),
        shape=(len(taps.start), len(used)),
        dtype=np.float32,
    )
    with np.errstate(invalid="ignore"):
        return scale(matrix @ table[used].astype(np.float32), taps.total, unit_length, vectors)


def scale(
    sums: NDArray[np.float32], total: NDArray[np.float32], unit_length: bool, vectors: NDArray[np.float16]
) -> NDArray[np.bool_]:
    """Fill vectors with sums (P, C) as halves: of unit length, or means over the views' total weight (P,)."""
    norm = np.linalg.norm(sums, axis=1)
    present = (norm > 0) & np.isfinite(norm)
    divisor = np.where(present, norm if unit_length else total, 1)
    vectors[:] = sums / divisor[:, None]
    return present
