"""The path of fusion without a compiler: torch's embedding_bag is W · G, reading halves and summing in float32.

Its weights and results are halves, so a block's rows of W are scaled to sum to one, and back.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .fuse_numpy import scale
from .sampling_weights import Taps, block_taps

__all__ = ["block_taps", "fuse_block", "inverse_norms", "parallel"]

parallel = False


def inverse_norms(table: NDArray[np.float16]) -> NDArray[np.float32]:
    """(R,) 1 / length of each row; 0 where that is no number."""
    norm = torch.linalg.vector_norm(torch.from_numpy(table), dim=1, dtype=torch.float32).numpy()
    usable = (norm > 0) & np.isfinite(norm)
    return np.divide(1, norm, out=np.zeros_like(norm), where=usable)


def fuse_block(
    taps: Taps, table: NDArray[np.float16], unit_length: bool, vectors: NDArray[np.float16]
) -> NDArray[np.bool_]:
    """Fill vectors (P, C); (P,) is False where no direction came out."""
    sums = weighted_sums(taps, torch.from_numpy(table)).numpy()
    return scale(sums, taps.total, unit_length, vectors)


def weighted_sums(taps: Taps, table: Tensor) -> Tensor:
    """(P, C) float32, W · G, on the device of `table`."""
    ends = np.append(taps.start, taps.stop[-1])
    points = len(taps.start)
    point = np.repeat(np.arange(points), np.diff(ends))
    size = np.bincount(point, taps.weight, minlength=points)
    share = taps.weight / size[point]
    result = torch.nn.functional.embedding_bag(
        torch.from_numpy(taps.row).to(table.device),
        table,
        torch.from_numpy(ends.astype(np.int32)).to(table.device),
        mode="sum",
        per_sample_weights=torch.from_numpy(share.astype(np.float16)).to(table.device),
        include_last_offset=True,
    )
    return result.float().mul_(torch.from_numpy(size.astype(np.float32)[:, None]).to(table.device))
