"""Pictures whose every pixel is known, and the cells that a training step makes of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from .phrases import Thing

MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
STRIDE = 32  # pixels of the network's input along one of its cells


@dataclass(frozen=True)
class Example:
    """A picture, and which thing each pixel shows."""

    image: NDArray[np.uint8]  # (H, W, 3), sides divisible by the grid that it is trained on
    thing_map: NDArray[np.int16]  # (H, W) rows of `things`, -1 nothing nameable
    things: tuple[Thing, ...]


@dataclass(frozen=True)
class Window:
    """A rectangle of cells."""

    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True)
class Batch:
    """Varied pictures, and what each cell of them mostly shows."""

    pixels: Tensor  # (B, 3, rows * 32, columns * 32) the network's input
    things: tuple[Thing, ...]  # of all the pictures
    label: Tensor  # (B * cells,) rows of `things`, -1 nothing
    weight: Tensor  # (B * cells,) the thing's share of the cell, times the weight of its name; 0 for nothing


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


def make_batch(
    examples: Sequence[Example],
    grid: tuple[int, int],
    window: Window | None,
    weight_of_name: dict[str, float],
    rng: np.random.Generator,
) -> Batch:
    """Cut out the window of the grid, mirror half of the pictures, vary light and noise."""
    things: list[Thing] = []
    pixels, labels, purities = [], [], []
    window = window or Window(0, 0, *grid)
    for example in examples:
        image, thing_map = example.image, example.thing_map.astype(np.int64)
        if rng.random() < 0.5:
            image, thing_map = image[:, ::-1], thing_map[:, ::-1]
        high, wide = image.shape[0] // grid[0], image.shape[1] // grid[1]
        rows = slice(high * window.top, high * (window.top + window.height))
        columns = slice(wide * window.left, wide * (window.left + window.width))
        image, thing_map = image[rows, columns], thing_map[rows, columns]
        pixels.append(network_input(torch.from_numpy(_varied(image, rng)), window.height, window.width))
        label, purity = _majority(torch.from_numpy(thing_map.copy()), window.height, window.width)
        labels.append(torch.where(label >= 0, label + len(things), -1))
        purities.append(purity)
        things += example.things
    label, purity = torch.cat(labels), torch.cat(purities)
    weights = torch.tensor([weight_of_name[thing.name] for thing in things])
    weight = torch.where(label >= 0, purity * weights[label.clamp(min=0)], 0)
    return Batch(torch.cat(pixels), tuple(things), label, weight)


def network_input(image: Tensor, rows: int, columns: int) -> Tensor:
    """(H, W, 3) 0..255 to (1, 3, rows * 32, columns * 32) pixels, as the encoder makes them."""
    pixels = image.float().permute(2, 0, 1)[None] / 255
    size = (rows * STRIDE, columns * STRIDE)
    pixels = F.interpolate(pixels, size, mode="bicubic", align_corners=False, antialias=True).clamp(0, 1)
    return (pixels - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)


def name_weights(examples: Sequence[Example], names: Sequence[str]) -> dict[str, float]:
    """Rare names count more: one over the root of their share of pixels, at most 10."""
    pixels = dict.fromkeys(names, 1.0)
    for example in examples:
        counts = np.bincount(example.thing_map[example.thing_map >= 0], minlength=len(example.things))
        for thing, count in zip(example.things, counts, strict=True):
            pixels[thing.name] += float(count)
    mean = sum(pixels.values()) / len(pixels)
    return {name: min(10.0, (mean / count) ** 0.5) for name, count in pixels.items()}


def _varied(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.float32]:
    """Another exposure, white balance, sharpness and noise of the same view; colours keep their names."""
    gain = rng.uniform(0.85, 1.15) * rng.uniform(0.95, 1.05, 3)
    light: NDArray[np.float32] = ((image / 255) ** rng.uniform(0.8, 1.25) * 255 * gain).astype(np.float32)
    if rng.random() < 0.7:
        share = np.float32(rng.uniform(0, 1))
        light += share * (_blurred(light) - light)
    noise = rng.standard_normal(image.shape, dtype=np.float32) * np.float32(rng.uniform(0, 6))
    return np.clip(light + noise, 0, 255)


def _blurred(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean with the neighbours, 1 2 1 along both axes; what a lens and a resized picture do."""
    padded = np.pad(image, ((1, 1), (1, 1), (0, 0)), mode="edge")
    rows = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    return (rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / np.float32(16)


def _majority(label: Tensor, rows: int, columns: int) -> tuple[Tensor, Tensor]:
    """(H, W) labels to the most frequent one of each cell, and its share of the cell; both (rows * columns,)."""
    height, width = label.shape
    cells = label.reshape(rows, height // rows, columns, width // columns).permute(0, 2, 1, 3)
    cells = cells.reshape(rows * columns, -1)
    most = cells.mode(dim=1).values
    return most, (cells == most[:, None]).float().mean(dim=1)
