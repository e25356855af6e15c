"""Pictures whose every pixel is known, as files and as the network's input."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from .phrases import Thing
from .trunk import STRIDE

MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)


@dataclass(frozen=True)
class Example:
    """A picture, and which thing each pixel shows."""

    image: NDArray[np.uint8]  # (H, W, 3), sides divisible by the grid that it is trained on
    thing_map: NDArray[np.int16]  # (H, W) rows of `things`, -1 nothing nameable
    things: tuple[Thing, ...]


def save_examples(path: Path, examples: Sequence[Example]) -> None:
    """Write the pictures of one scene, all of which show the same list of things, as a compressed .npz."""
    words = np.array([[thing.name, thing.colour, thing.material] for thing in examples[0].things], dtype=np.str_)
    partial = path.with_suffix(".part.npz")
    np.savez_compressed(
        partial,
        images=np.stack([example.image for example in examples]),
        thing_maps=np.stack([example.thing_map for example in examples]),
        things=words.reshape(-1, 3),
    )
    partial.replace(path)


def load_examples(path: Path) -> list[Example]:
    """What `save_examples` wrote."""
    with np.load(path, allow_pickle=False) as saved:
        things = tuple(Thing(*(str(word) for word in row)) for row in saved["things"])
        pairs = zip(saved["images"], saved["thing_maps"], strict=True)
        return [Example(image, thing_map, things) for image, thing_map in pairs]


def network_input(image: Tensor, rows: int, columns: int) -> Tensor:
    """(H, W, 3) 0..255 to (1, 3, rows * 16, columns * 16) pixels, as the encoder makes them."""
    pixels = image.float().permute(2, 0, 1)[None] / 255
    size = (rows * STRIDE, columns * STRIDE)
    pixels = F.interpolate(pixels, size, mode="bicubic", align_corners=False, antialias=True).clamp(0, 1)
    return (pixels - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
