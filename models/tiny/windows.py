"""Windows of training images, cut, scaled and spoiled once, and drawn from a memory-mapped folder at every step.

A cell of a window holds what it shows by shares, not by majority: a thing smaller than half a cell is taught too.
"""

import io
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass
from functools import cached_property
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from .examples import Example, load_examples
from .phrases import Thing
from .trunk import STRIDE

SHARES = 4  # things that a cell may show; smaller shares are left out
_FINE = 4  # samples of the thing map along the side of a cell
_ZOOM = 0.35, 2.0  # of a window, against the scale at which whole images are seen
_JPEG, _JPEG_QUALITY = 0.5, (35, 95)  # share of the windows that are compressed, and how well
_BLUR, _BLUR_PIXELS = 0.5, (0.3, 1.3)  # share of the windows that are out of focus, and by how much


@dataclass(frozen=True)
class Batch:
    """Windows as the network sees them, and what their cells show; B windows of `cells` cells each."""

    pixels: NDArray[np.float32]  # (B, 3, rows * 16, columns * 16) 0..1
    things: tuple[Thing, ...]
    thing: NDArray[np.int64]  # (B * cells, SHARES) rows of `things`; -1 nothing nameable
    share: NDArray[np.float32]  # (B * cells, SHARES) 0..1 of the cell


@dataclass(frozen=True)
class PreparedWindows:
    """A folder that `prepare` wrote."""

    folder: Path

    @cached_property
    def pixels(self) -> NDArray[np.uint8]:
        """(N, rows * 16, columns * 16, 3)."""
        pixels: NDArray[np.uint8] = np.load(self.folder / "pixels.npy", mmap_mode="r")
        return pixels

    @cached_property
    def _cells(self) -> tuple[NDArray[np.int16], NDArray[np.uint8], list[Thing]]:
        things = json.loads((self.folder / "things.json").read_text(encoding="utf-8"))
        thing, share = (np.load(self.folder / f"{name}.npy") for name in ("thing", "share"))
        return thing, share, [Thing(*words) for words in things]

    def draw(self, count: int, rng: np.random.Generator) -> Batch:
        """So many windows, mirrored and in another light at random."""
        thing, share, things = self._cells
        rows = rng.integers(len(self.pixels), size=count)
        cells = thing[rows].astype(np.int64), share[rows].astype(np.float32) / 255  # (B, high, wide, SHARES)
        shape = self.pixels.shape
        pixels = np.empty((count, 3, *shape[1:3]), np.float32)
        for at, row in enumerate(rows):
            seen = _in_other_light(self.pixels[row], rng)
            if rng.random() < 0.5:
                seen = seen[:, ::-1]
                for values in cells:
                    values[at] = values[at, :, ::-1].copy()
            pixels[at] = seen.transpose(2, 0, 1)
        noise = np.asarray(rng.standard_normal(pixels.shape, dtype=np.float32))
        noise *= rng.uniform(0, 0.02, (count, 1, 1, 1)).astype(np.float32)
        pixels += noise
        np.clip(pixels, 0, 1, out=pixels)
        used, numbered = np.unique(cells[0], return_inverse=True)
        first = int(used[0] < 0)  # nothing nameable comes first and stays -1
        shown = tuple(things[row] for row in used[first:])
        return Batch(
            pixels, shown, numbered.reshape(-1, SHARES) - first, cells[1].reshape(-1, SHARES).astype(np.float32)
        )


def _in_other_light(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.float32]:
    """Another exposure, contrast and white balance, (H, W, 3) 0..1; colours keep their names."""
    levels = np.linspace(0, 1, 256) ** rng.uniform(0.8, 1.25)
    gain = rng.uniform(0.85, 1.15) * rng.uniform(0.95, 1.05, 3)
    table = np.clip(levels[:, None] * gain, 0, 1).astype(np.float32)
    return np.stack([table[image[..., channel], channel] for channel in range(3)], axis=-1)


def prepare(
    folder: Path,
    files: Sequence[Path],
    count: int,
    grid: tuple[int, int],
    window: tuple[int, int],
    seed: int,
    workers: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> PreparedWindows:
    """Cut `count` windows of `window` cells out of the images in `files` (of `save_examples`); `grid` is that of a
    whole image. What is there from a run with equal arguments is used."""
    asked = {"files": [path.name for path in files], "count": count, "grid": grid, "window": window, "seed": seed}
    done = folder / "made.json"
    if done.exists() and json.loads(done.read_text(encoding="utf-8")) == json.loads(json.dumps(asked)):
        return PreparedWindows(folder)
    folder.mkdir(parents=True, exist_ok=True)
    done.unlink(missing_ok=True)
    shares = [files[part :: _parts(len(files))] for part in range(_parts(len(files)))]
    counts = [count * (part + 1) // len(shares) - count * part // len(shares) for part in range(len(shares))]
    high, wide = window
    pixels = np.lib.format.open_memmap(folder / "pixels.npy", "w+", np.uint8, (count, high * STRIDE, wide * STRIDE, 3))
    thing = np.empty((count, high, wide, SHARES), np.int16)
    share = np.empty((count, high, wide, SHARES), np.uint8)
    numbers: dict[Thing, int] = {}
    at = 0
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        made = pool.map(_cut_some, shares, counts, [grid] * len(shares), [window] * len(shares),
                        [(seed, part) for part in range(len(shares))])  # fmt: skip
        for some_pixels, some_thing, some_share, things in made:
            rows = slice(at, at + len(some_pixels))
            number = np.array([numbers.setdefault(each, len(numbers)) for each in things] + [-1])
            pixels[rows], thing[rows], share[rows] = some_pixels, number[some_thing], some_share
            at += len(some_pixels)
            progress(at, count)
    pixels.flush()
    np.save(folder / "thing.npy", thing)
    np.save(folder / "share.npy", share)
    (folder / "things.json").write_text(json.dumps([astuple(each) for each in numbers]), encoding="utf-8")
    done.write_text(json.dumps(asked), encoding="utf-8")
    return PreparedWindows(folder)


def _parts(files: int) -> int:
    """Into how many parts the files are dealt; the part decides which windows are cut, the workers do not."""
    return max(1, files // 16)


def _cut_some(
    files: Sequence[Path], count: int, grid: tuple[int, int], window: tuple[int, int], seed: tuple[int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.int16], NDArray[np.uint8], list[Thing]]:
    examples = [example for path in files for example in load_examples(path)]
    cutter = Cutter(examples, grid, window)
    rng = np.random.default_rng(seed)
    cut = [cutter.cut(rng) for _ in range(count)]
    return (*(np.stack(parts) for parts in zip(*cut, strict=True)), cutter.things)  # type: ignore[return-value]


class Cutter:
    """Windows at many scales: three of four around a thing whose name is drawn first, small things more often."""

    def __init__(self, examples: Sequence[Example], grid: tuple[int, int], window: tuple[int, int]) -> None:
        self.examples, self.grid, self.window = examples, grid, window
        numbers: dict[Thing, int] = {}
        self._numbers = [
            np.array([numbers.setdefault(thing, len(numbers)) for thing in example.things] + [-1], np.int16)
            for example in examples
        ]
        self.things = list(numbers)
        places: dict[str, list[tuple[int, int, int]]] = {}
        for position, example in enumerate(examples):
            shown, size = np.unique(example.thing_map[example.thing_map >= 0], return_counts=True)
            for thing, pixels in zip(shown.tolist(), size.tolist(), strict=True):
                places.setdefault(example.things[thing].name, []).append((position, thing, pixels))
        self._places = {name: np.array(found) for name, found in sorted(places.items())}
        self._names = list(self._places)

    def cut(self, rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.int16], NDArray[np.uint8]]:
        """(H, W, 3) pixels, and (high, wide, SHARES) things, rows of `things` or -1, with their shares 0..255."""
        position, middle = self._place(rng) if rng.random() < 0.75 else (int(rng.integers(len(self.examples))), None)
        example = self.examples[position]
        height, width = example.thing_map.shape
        high, wide = self.window
        scale = min(self.grid[0] * STRIDE / height, self.grid[1] * STRIDE / width)  # of whole images
        zoom = np.exp(rng.uniform(*np.log(_ZOOM)))
        zoom = max(zoom, high * STRIDE / (scale * height), wide * STRIDE / (scale * width))
        size = np.array([high, wide]) * STRIDE / (scale * zoom)  # pixels of the image
        room = np.array([height, width]) - size
        corner = room * rng.random(2) if middle is None else middle - size * rng.uniform(0.05, 0.95, 2)
        top, left = np.clip(corner, 0, np.maximum(room, 0))
        box = (float(left), float(top), float(min(left + size[1], width)), float(min(top + size[0], height)))
        pixels = Image.fromarray(example.image).resize(
            (wide * STRIDE, high * STRIDE), Image.Resampling.BICUBIC, box, reducing_gap=None
        )
        y = np.clip(np.floor(top + (np.arange(high * _FINE) + 0.5) * size[0] / (high * _FINE)), 0, height - 1)
        x = np.clip(np.floor(left + (np.arange(wide * _FINE) + 0.5) * size[1] / (wide * _FINE)), 0, width - 1)
        shown = self._numbers[position][example.thing_map[np.ix_(y.astype(int), x.astype(int))]]
        return (np.asarray(_spoiled(pixels, rng)), *_shares(shown, high, wide))

    def _place(self, rng: np.random.Generator) -> tuple[int, NDArray[np.float64]]:
        """An image and a pixel of it that shows a thing; of each name, small ones oftener."""
        places = self._places[self._names[int(rng.integers(len(self._names)))]]
        weight = np.maximum(places[:, 2], 4) ** -0.5
        position, thing, _ = places[rng.choice(len(places), p=weight / weight.sum())]
        thing_map = self.examples[position].thing_map
        pixels = np.flatnonzero(thing_map == thing)
        at = np.unravel_index(pixels[int(rng.integers(len(pixels)))], thing_map.shape)
        return int(position), np.array(at, np.float64)


def _shares(shown: NDArray[np.int16], high: int, wide: int) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
    """Of each cell the things that fill most of it, and their shares; what is not nameable has none."""
    used, numbered = np.unique(shown, return_inverse=True)
    cells = numbered.reshape(high, _FINE, wide, _FINE)
    count = np.stack([(cells == number).sum(axis=(1, 3)) for number in range(len(used))], axis=-1)
    count[..., used < 0] = 0
    if len(used) < SHARES:
        count = np.pad(count, ((0, 0), (0, 0), (0, SHARES - len(used))))
        used = np.pad(used, (0, SHARES - len(used)), constant_values=-1)
    most = np.argsort(-count, axis=-1, kind="stable")[..., :SHARES]
    kept = np.take_along_axis(count, most, axis=-1)
    thing = np.where(kept > 0, used[most], -1).astype(np.int16)
    return thing, np.round(kept * (255 / _FINE**2)).astype(np.uint8)


def _spoiled(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """As a camera might have kept it: out of focus, compressed."""
    if rng.random() < _BLUR:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(*_BLUR_PIXELS)))
    if rng.random() < _JPEG:
        kept = io.BytesIO()
        image.save(kept, "JPEG", quality=int(rng.integers(*_JPEG_QUALITY)))
        image = Image.open(kept)
    return image
