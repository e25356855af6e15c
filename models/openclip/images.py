"""Pictures in, grids out: the pixels that a tower wants, overlapping windows of them, and the stitching."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

_INTERPOLATION = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}


@dataclass(frozen=True)
class Window:
    """A rectangle of grid cells."""

    top: int
    left: int
    height: int
    width: int


def grid_of(height: int, width: int, long_side: int, smallest: int, stride: int) -> tuple[int, int]:
    """Rows and columns of cells for a picture: its longer side shrunk to `long_side`, or grown to `smallest`.

    `long_side` 0 keeps large pictures as they are. Both sides are rounded to whole cells, at least one.
    """
    longest = max(height, width)
    target = max(longest, smallest)
    if long_side:
        target = min(target, long_side)
    scale = target / longest
    return max(1, round(height * scale / stride)), max(1, round(width * scale / stride))


def to_pixels(
    image: NDArray[np.uint8],
    grid: tuple[int, int],
    stride: int,
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
    interpolation: str,
) -> Tensor:
    """(H, W, 3) uint8 to (3, rows * stride, columns * stride) float32, as open_clip's own transform makes them."""
    size = (grid[1] * stride, grid[0] * stride)
    picture = Image.fromarray(image)
    if picture.size != size:
        picture = picture.resize(size, _INTERPOLATION[interpolation])
    pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1).float().div_(255)
    return pixels.sub_(torch.tensor(mean).view(3, 1, 1)).div_(torch.tensor(std).view(3, 1, 1))


def windows(grid: tuple[int, int], cells: int, overlap: float) -> list[Window]:
    """Windows of `cells` x `cells` that cover the grid, neighbours sharing at least `overlap` of their side."""
    step = max(1, int(cells * (1 - overlap)))
    return [
        Window(top, left, min(cells, grid[0]), min(cells, grid[1]))
        for top in _starts(grid[0], cells, step)
        for left in _starts(grid[1], cells, step)
    ]


def stitch(grid: tuple[int, int], pieces: Iterator[tuple[Window, Tensor]]) -> Tensor:
    """Mean of the pieces' unit vectors, (rows, columns, dim) float32; a piece counts less towards its border."""
    total: Tensor | None = None
    for window, values in pieces:
        if total is None:
            total = values.new_zeros((*grid, values.shape[-1]), dtype=torch.float32)
        weight = _tent(window.height)[:, None] * _tent(window.width)
        unit = torch.nn.functional.normalize(values.float(), dim=-1)
        rows, columns = slice(window.top, window.top + window.height), slice(window.left, window.left + window.width)
        total[rows, columns] += unit * weight[..., None].to(unit.device)
    assert total is not None, "a grid has at least one window"
    return total


def _starts(length: int, cells: int, step: int) -> list[int]:
    if length <= cells:
        return [0]
    count = -(-(length - cells) // step) + 1
    return [round(i * (length - cells) / (count - 1)) for i in range(count)]


def _tent(length: int) -> Tensor:
    """Rising to the middle and falling again, never 0."""
    place = torch.arange(length, dtype=torch.float32)
    return torch.minimum(place + 1, length - place) / ((length + 1) / 2)
