"""Dense maps of a patch pyramid: each pixel has the mean vector of the patches it lies in.

A patch adds its vector at two corners of its box and takes it away at the other two; running sums along both axes
then give every pixel its sum, at a cost that no longer depends on the size of the patches. In double precision these
sums are exact (half-precision numbers below 8192 are multiples of 2^-24, so 65,536 of them need no more than 53 bits),
and the result is that of the plain loop to the last bit, on every device.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .patches import PATCHES_ALONG, PatchPyramid

_CHANNELS_AT_ONCE = 64  # 100 MB of sums for a map of 504x378 pixels


def rebuild(pyramid: PatchPyramid) -> NDArray[np.float32]:
    """(scales, C, height, width), coarsest first, not of unit length: the array that the original keeps in a .pth."""
    return np.stack([scale_map(pyramid, scale).permute(2, 0, 1).numpy() for scale in range(len(PATCHES_ALONG))])


def rebuild_plainly(pyramid: PatchPyramid) -> NDArray[np.float32]:
    """The same as `rebuild`, patch by patch."""
    maps = np.zeros((len(PATCHES_ALONG), pyramid.embeddings.shape[1], pyramid.height, pyramid.width))
    count = np.zeros((len(PATCHES_ALONG), 1, pyramid.height, pyramid.width))
    for (left, top, right, bottom), scale, vector in zip(
        pyramid.boxes_xyxy, pyramid.scale, pyramid.embeddings, strict=True
    ):
        maps[scale, :, top:bottom, left:right] += vector[:, None, None]
        count[scale, :, top:bottom, left:right] += 1
    return (maps / count).astype(np.float32)


def scale_map(pyramid: PatchPyramid, scale: int, device: torch.device | str = "cpu") -> Tensor:
    """(height, width, C) float32 on `device`: the map of one scale, not of unit length."""
    own = pyramid.scale == scale
    boxes = torch.from_numpy(pyramid.boxes_xyxy[own].astype(np.int64)).to(device)
    vectors = torch.from_numpy(pyramid.embeddings[own]).to(device)
    count = torch.from_numpy(pyramid.coverage(scale)).to(device)[..., None]
    size = (pyramid.height, pyramid.width)
    values = vectors.new_empty((*size, vectors.shape[1]), dtype=torch.float32)
    for start in range(0, vectors.shape[1], _CHANNELS_AT_ONCE):
        some = slice(start, start + _CHANNELS_AT_ONCE)
        values[..., some] = _sums(boxes, vectors[:, some].double(), size) / count
    return values


def _sums(boxes: Tensor, vectors: Tensor, size: tuple[int, int]) -> Tensor:
    """(height, width, c): the sum of the (K, c) vectors over each pixel's (K, 4) boxes."""
    height, width = size
    steps = vectors.new_zeros((height + 1) * (width + 1), vectors.shape[1])
    left, top, right, bottom = boxes.T
    for y, x, sign in ((top, left, 1), (bottom, right, 1), (top, right, -1), (bottom, left, -1)):
        steps.index_add_(0, y * (width + 1) + x, vectors, alpha=sign)
    return steps.view(height + 1, width + 1, -1).cumsum(0).cumsum(1)[:height, :width]
