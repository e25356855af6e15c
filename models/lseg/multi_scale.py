"""LSeg's evaluator: one picture at several scales, in overlapping windows, each also mirrored; everything added up.

lang-seg's LSeg_MultiEvalModule to the pixel, for any network that gives a map of the size of its input. All resizing
is bilinear with aligned corners. Sums are kept: the largest sum wins, however many terms it has.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

Network = Callable[[Tensor], Tensor]

SCALES = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)


@dataclass(frozen=True)
class Windows:
    """How large pictures and windows are."""

    base: int = 520  # pixels of the longer side at scale 1
    crop: int = 480  # pixels of a window, both sides
    scales: tuple[float, ...] = SCALES


def evaluate(picture: Tensor, network: Network, windows: Windows, out: tuple[int, int] | None = None) -> Tensor:
    """(3, h, w) pixels from 0 to 1 to (C, h, w), or to C of another (height, width), `out`.

    The network takes (1, 3, crop, crop) to (1, C, crop, crop); what lies beyond the picture's border is 0, black.
    """
    height, width = picture.shape[1:]
    total: Tensor | None = None
    for scale in windows.scales:
        target = math.ceil(windows.base * scale)
        if height > width:
            size = target, max(1, int(width * target / height + 0.5))
        else:
            size = max(1, int(height * target / width + 0.5)), target
        scores = _slide(_resized(picture[None], size), network, windows)
        scores = _resized(scores, out or (height, width))
        total = scores if total is None else total + scores
    assert total is not None
    return total[0]


def both_ways(network: Network, pixels: Tensor) -> Tensor:
    """The sum of a network's maps of a picture and of its mirror image, mirrored back."""
    return network(pixels) + network(pixels.flip(-1)).flip(-1)


def padded(pixels: Tensor, height: int, width: int) -> Tensor:
    """(..., H, W) grown with 0 to at least (height, width) at the right and at the bottom."""
    below, right = max(0, height - pixels.shape[-2]), max(0, width - pixels.shape[-1])
    return F.pad(pixels, (0, right, 0, below))


def _slide(pixels: Tensor, network: Network, windows: Windows) -> Tensor:
    """(1, 3, h, w) to (1, C, h, w): the mean over the windows that cover a pixel."""
    crop = windows.crop
    height, width = pixels.shape[2:]
    if max(height, width) <= crop:
        return both_ways(network, padded(pixels, crop, crop))[:, :, :height, :width]
    canvas = padded(pixels, crop, crop)
    stride = int(crop * 2 / 3)
    total: Tensor | None = None
    count = torch.zeros(canvas.shape[2:], device=pixels.device)
    for top in _starts(canvas.shape[2], crop, stride):
        for left in _starts(canvas.shape[3], crop, stride):
            window = canvas[:, :, top : top + crop, left : left + crop]
            rows, columns = window.shape[2:]
            scores = both_ways(network, padded(window, crop, crop))[:, :, :rows, :columns]
            if total is None:
                total = scores.new_zeros(1, scores.shape[1], *canvas.shape[2:])
            total[:, :, top : top + rows, left : left + columns] += scores
            count[top : top + rows, left : left + columns] += 1
    assert total is not None
    return (total / count)[:, :, :height, :width]


def _starts(length: int, crop: int, stride: int) -> range:
    """Where windows begin; the last may end beyond the picture."""
    return range(0, (math.ceil((length - crop) / stride) + 1) * stride, stride)


def _resized(values: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(values, size=size, mode="bilinear", align_corners=True)
