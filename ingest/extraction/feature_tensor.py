"""Feature maps as tensors at the size of their pictures, (C, H, W) half in a .pt file."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from ...core.errors import BadInput
from ...core.features import FeatureMap
from ...core.files import replacing
from ..fusion.scratch import Scratch

IN_MEMORY = 1 << 29  # bytes of a tensor; a larger one waits in a file beside the one to be
AT_ONCE = 1 << 23  # values resampled at once, 32 MB


def write_tensor(
    path: Path, found: FeatureMap, height: int, width: int, in_memory: int = IN_MEMORY, at_once: int = AT_ONCE
) -> None:
    """The map sampled at each pixel of a picture of that size; memory decides no number."""
    channels = found.space.dim
    room = Scratch(in_memory, path.parent).array((channels, height, width), np.float16)
    step = max(1, at_once // (height * width))
    for first in range(0, channels, step):
        some = torch.from_numpy(found.values[:, :, first : first + step]).permute(2, 0, 1)
        planes = sampled(some.contiguous(), height, width, found.sampling == "bilinear")  # as they lie it takes thrice
        room.write(first, planes.half().numpy())
    with replacing(path) as part, part.open("wb") as file:  # a path's name would be written into the archive
        try:
            torch.save(torch.from_numpy(room.array), file)
        except RuntimeError as error:  # all that torch makes of what the system says
            raise BadInput(f"{path} cannot be written completely. Is the disk full?") from error


def map_tensor(path: Path) -> NDArray[Any]:
    """(H, W, C), still on disk."""
    try:
        tensor = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
        return tensor.permute(1, 2, 0).numpy()
    except Exception as error:  # a damaged archive makes torch raise whatever it likes
        raise BadInput(f"{path}: cannot be read as a tensor (C, H, W); extract it again with --again") from error


def sampled(values: Tensor, height: int, width: int, bilinear: bool) -> Tensor:
    """(C, h, w) to (C, height, width): each pixel where FeatureMap says that it lies in the grid."""
    if values.shape[1:] == (height, width):
        return values
    if bilinear:
        return F.interpolate(values[None].float(), (height, width), mode="bilinear", align_corners=False)[0]
    rows, columns = (_nearest(cells, pixels) for cells, pixels in zip(values.shape[1:], (height, width), strict=True))
    return values[:, rows][:, :, columns]


def _nearest(cells: int, pixels: int) -> Tensor:
    place = (torch.arange(pixels, dtype=torch.float64) + 0.5) * (cells / pixels) - 0.5
    return place.clamp(0, cells - 1).round().long()
