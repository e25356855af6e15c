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
from .trunk import STRIDE

MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)


@dataclass(frozen=True)
class Example:
    """A picture, and which thing each pixel shows."""

    image: NDArray[np.uint8]  # (H, W, 3), sides divisible by the grid that it is trained on
    thing_map: NDArray[np.int16]  # (H, W) rows of `things`, -1 nothing nameable
    things: tuple[Thing, ...]


@dataclass(frozen=True)
class Batch:
    """Varied pictures, and what each cell of them mostly shows."""

    pixels: Tensor  # (B, 3, rows * 16, columns * 16) the network's input
    things: tuple[Thing, ...]  # of all the pictures
    label: Tensor  # (B * cells,) rows of `things`, -1 nothing
    weight: Tensor  # (B * cells,) how often a cell is to be drawn; 0 for nothing


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


class Windows:
    """Windows of images: three of four around a thing whose name is drawn first, so that rare names come up too."""

    def __init__(self, examples: Sequence[Example], grid: tuple[int, int], window: tuple[int, int]) -> None:
        self.examples, self.grid, self.window = examples, grid, window
        places: dict[str, list[tuple[int, int]]] = {}
        for position, example in enumerate(examples):
            for thing in np.unique(example.thing_map[example.thing_map >= 0]):
                places.setdefault(example.things[thing].name, []).append((position, int(thing)))
        self._places = places  # name -> (example, thing) that show it
        self._names = sorted(places)

    def draw(self, count: int, rng: np.random.Generator) -> Batch:
        """So many windows, mirrored and with another light at random."""
        things: list[Thing] = []
        pixels, labels, purities = [], [], []
        for k in range(count):
            image, thing_map, shown = self._cut(rng, around_a_thing=k % 4 != 3)
            if rng.random() < 0.5:
                image, thing_map = image[:, ::-1], thing_map[:, ::-1]
            pixels.append(network_input(torch.from_numpy(_varied(image, rng)), *self.window))
            label, purity = majority(torch.from_numpy(thing_map.astype(np.int64)), *self.window)
            labels.append(torch.where(label >= 0, label + len(things), -1))
            purities.append(purity)
            things += shown
        label, purity = torch.cat(labels), torch.cat(purities)
        return Batch(torch.cat(pixels), tuple(things), label, _weights(label, purity, things))

    def _cut(
        self, rng: np.random.Generator, around_a_thing: bool
    ) -> tuple[NDArray[np.uint8], NDArray[np.int16], tuple[Thing, ...]]:
        (rows, columns), (high, wide) = self.grid, self.window
        if around_a_thing:
            places = self._places[self._names[int(rng.integers(len(self._names)))]]
            position, thing = places[int(rng.integers(len(places)))]
            example = self.examples[position]
            pixels = np.flatnonzero(example.thing_map == thing)
            y, x = np.unravel_index(pixels[int(rng.integers(len(pixels)))], example.thing_map.shape)
            middle = y * rows // example.thing_map.shape[0], x * columns // example.thing_map.shape[1]
            top, left = (int(m - rng.integers(side)) for m, side in zip(middle, self.window, strict=True))
        else:
            example = self.examples[int(rng.integers(len(self.examples)))]
            top, left = int(rng.integers(rows)), int(rng.integers(columns))
        top, left = int(np.clip(top, 0, rows - high)), int(np.clip(left, 0, columns - wide))
        step_y, step_x = example.image.shape[0] // rows, example.image.shape[1] // columns
        cut = slice(top * step_y, (top + high) * step_y), slice(left * step_x, (left + wide) * step_x)
        shown, rows_shown = np.unique(example.thing_map[cut], return_inverse=True)
        first = int(shown[0] < 0)  # nothing nameable comes first and stays -1
        numbered = (rows_shown.reshape(example.thing_map[cut].shape) - first).astype(np.int16)
        return example.image[cut], numbered, tuple(example.things[thing] for thing in shown[first:])


def majority(label: Tensor, rows: int, columns: int) -> tuple[Tensor, Tensor]:
    """(H, W) labels to the most frequent one of each cell, and its share of the cell; both (rows * columns,)."""
    height, width = label.shape
    cells = label.reshape(rows, height // rows, columns, width // columns).permute(0, 2, 1, 3)
    cells = cells.reshape(rows * columns, -1)
    most = cells.mode(dim=1).values
    return most, (cells == most[:, None]).float().mean(dim=1)


def _weights(label: Tensor, purity: Tensor, things: Sequence[Thing]) -> Tensor:
    """Cells of one thing alone count more, and names more that have few cells: one over the root of their number."""
    numbers = {name: number for number, name in enumerate(dict.fromkeys(thing.name for thing in things))}
    name = torch.tensor([numbers[thing.name] for thing in things])[label.clamp(min=0)]
    known = label >= 0
    count = torch.bincount(name[known], minlength=len(numbers)).float()
    return torch.where(known, purity * count[name].clamp(min=1) ** -0.5, 0)


def network_input(image: Tensor, rows: int, columns: int) -> Tensor:
    """(H, W, 3) 0..255 to (1, 3, rows * 16, columns * 16) pixels, as the encoder makes them."""
    pixels = image.float().permute(2, 0, 1)[None] / 255
    size = (rows * STRIDE, columns * STRIDE)
    pixels = F.interpolate(pixels, size, mode="bicubic", align_corners=False, antialias=True).clamp(0, 1)
    return (pixels - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)


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
