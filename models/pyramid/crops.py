"""Many crops of one picture at the size that a network takes, on any device.

Pillow's resizing is a weighted sum along each axis, so a crop is resized by a product with two small matrices, and
hundreds of crops of different sizes go through in one batch. Pillow rounds to whole levels after each axis and so does
this; pixels equal Pillow's but for one level where a sum falls on the border of two.
"""

from collections.abc import Callable

import torch
from torch import Tensor


def crops(picture: Tensor, boxes: Tensor, size: int, interpolation: str) -> Tensor:
    """(3, H, W) of levels 0..255 and (B, 4) boxes (right and lower edge exclusive) to (B, 3, size, size) of levels.

    CLIP's preprocessing: the shorter side to `size`, and of the longer one the middle.
    """
    left, top, right, bottom = boxes.T
    width, height = right - left, bottom - top
    shorter = torch.minimum(width, height)
    longest = int(torch.maximum(width, height).max())
    along_x = _weights(width, size * width // shorter, size, longest, interpolation)
    along_y = _weights(height, size * height // shorter, size, longest, interpolation)

    place = torch.arange(longest, device=picture.device)
    columns = (left[:, None] + place).clamp(max=picture.shape[2] - 1)
    rows = (top[:, None] + place).clamp(max=picture.shape[1] - 1)
    cut = picture[:, rows[:, :, None], columns[:, None, :]]  # (3, B, longest, longest), what is past the box weighs 0
    wide = _levels(torch.einsum("cbyx,bux->cbyu", cut, along_x))
    return _levels(torch.einsum("cbyu,bvy->bcvu", wide, along_y))


def _weights(length: Tensor, resized: Tensor, size: int, longest: int, interpolation: str) -> Tensor:
    """(B, size, longest): what each pixel of the crop adds to each of the middle `size` of the `resized` ones."""
    kernel, reach = _KERNELS[interpolation]
    scale = (length / resized)[:, None]
    stretch = scale.clamp(min=1)  # a smaller picture is made through a wider kernel
    first = torch.round((resized - size) / 2)[:, None]
    centre = (torch.arange(size, device=length.device) + first + 0.5) * scale
    place = torch.arange(longest, device=length.device)
    away = (place + 0.5 - centre[..., None]) / stretch[..., None]
    weights = torch.where((place < length[:, None, None]) & (away.abs() < reach), kernel(away.abs()), 0)
    return weights / weights.sum(dim=2, keepdim=True)


def _cubic(x: Tensor) -> Tensor:
    """Keys' kernel with a = -0.5 for 0 <= x < 2."""
    return torch.where(x < 1, (1.5 * x - 2.5) * x * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2)


_KERNELS: dict[str, tuple[Callable[[Tensor], Tensor], int]] = {
    "bicubic": (_cubic, 2),
    "bilinear": (lambda x: 1 - x, 1),
}


def _levels(values: Tensor) -> Tensor:
    return values.add_(0.5).floor_().clamp_(0, 255)
