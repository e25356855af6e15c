"""Feature maps as an encoder like CLIP would make them, of rooms whose truth is known, at three levels of noise.

    DIR/names.txt, DIR/texts.npy    the words, and a row for each: the text side of `--encoder precomputed --text table`
    DIR/LEVEL/SCENE/FRAME.npy       (24, 32, 64) of every frame of the scans
    DIR/LEVEL/queries/NAME.npy      the same of a picture of `queries`

Every class has a random direction in one of 20 families. Most of each vector is what all pictures have in common; words
lie apart from pictures; a cell mixes what its pixels show, and leaks into its neighbours. Now and then a thing, or one
view of it, resembles something else. At "high", as with CLIP, 7 of 10 cells are named rightly,
the cosine of two things of different classes is .72, and the best name leads the second by .03.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..catalogue import class_names
from ..kinds import KINDS
from ..scene import GeneratedScene

DIM, FAMILIES, CELL = 64, 20, 10  # numbers of a vector, families of classes, pixels along a cell
_COMMON = 0.77  # of the squared length of a picture's vector: what all pictures share
_FAMILY = 0.4  # of the squared length of the rest: what a family shares
_TEXT = 0.3  # length of the part of a word's vector that names its class
_SEED = 77


@dataclass(frozen=True)
class Noise:
    """How much of something else is in a vector, in lengths of the part that names the class; means of exponentials."""

    thing: float  # the same in all views of a thing
    view: float  # of a thing in one frame
    token: float  # standard deviation of a cell's own noise, spread over all directions
    leak: float  # share of a cell that is its eight neighbours'


LEVELS = {
    "low": Noise(0.1, 0.2, 0.5, 0.1),
    "moderate": Noise(0.2, 0.4, 1.0, 0.2),
    "high": Noise(0.4, 0.8, 1.5, 0.3),
}


def names() -> list[str]:
    """All classes of generated rooms."""
    return [*class_names(), *(name for name, drawn in KINDS.items() if not drawn.taught), "floor", "ceiling", "wall"]


def contents() -> NDArray[np.float64]:
    """(classes, DIM) unit rows: the part of a vector that names the class; the first direction is none's."""
    rng = np.random.default_rng(_SEED)
    count = len(names())
    rows = rng.standard_normal((FAMILIES + count, DIM))
    rows[:, :2] = 0  # of all pictures, and of all words
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    family = rng.integers(FAMILIES, size=count)
    mixed = np.sqrt(_FAMILY) * rows[family] + np.sqrt(1 - _FAMILY) * rows[FAMILIES:]
    return np.asarray(mixed / np.linalg.norm(mixed, axis=1, keepdims=True))


def texts() -> NDArray[np.float32]:
    """(classes, DIM) the rows of the words."""
    rows = _TEXT * contents()
    rows[:, 0], rows[:, 1] = 0.2, np.sqrt(1 - 0.2**2 - _TEXT**2)
    return rows.astype(np.float32)


def write_texts(folder: Path) -> None:
    """The words and their rows."""
    (folder / "names.txt").write_text("".join(f"{name}\n" for name in names()), encoding="ascii", newline="\n")
    np.save(folder / "texts.npy", texts())


@dataclass(frozen=True)
class SimulatedEncoder:
    """What the encoder makes of the frames of one scene, at one level."""

    noise: Noise
    things: NDArray[np.float64]  # (O, DIM) the part that names the class, with the noise of the thing
    seed: tuple[int, ...]

    @classmethod
    def of(cls, scene: GeneratedScene, level: str, seed: tuple[int, ...]) -> "SimulatedEncoder":
        """For a scene; one seed, one encoder."""
        rng, known, rows = np.random.default_rng([*seed, 4]), names(), contents()
        true = rows[[known.index(placed.label) for placed in scene.objects]]
        return cls(LEVELS[level], true + _others(LEVELS[level].thing, len(true), rows, rng), seed)

    def frame(self, instance: NDArray[np.int32], number: int) -> NDArray[np.float16]:
        """(h, w, DIM) the map of a frame whose pixels show these things; -1 shows nothing."""
        rng = np.random.default_rng([*self.seed, 5, number])
        seen = self.things + _others(self.noise.view, len(self.things), contents(), rng)
        seen = np.concatenate([seen, np.zeros((1, DIM))])
        high, wide = instance.shape[0] // CELL, instance.shape[1] // CELL
        cells = instance.reshape(high, CELL, wide, CELL).swapaxes(1, 2).reshape(high * wide, CELL**2)
        cells = np.where(cells < 0, len(self.things), cells)
        flat = (cells + np.arange(high * wide)[:, None] * len(seen)).ravel()
        share = np.bincount(flat, minlength=high * wide * len(seen)).reshape(high * wide, len(seen)) / CELL**2
        rest = _leaked((share @ seen).reshape(high, wide, DIM), self.noise.leak)
        rest += self.noise.token / np.sqrt(DIM) * rng.standard_normal(rest.shape)
        whole = np.sqrt(1 - _COMMON) * rest
        whole[..., 0] = np.sqrt(_COMMON)
        whole[..., 1] = 0
        return np.asarray(whole / np.linalg.norm(whole, axis=2, keepdims=True)).astype(np.float16)


def _others(mean: float, count: int, rows: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """(count, DIM) how much each resembles a class drawn at random."""
    return np.asarray(rng.exponential(mean, (count, 1)) * rows[rng.integers(len(rows), size=count)])


def _leaked(values: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """(h, w, C) cells that have taken a `share` from the mean of their eight neighbours; edges repeat."""
    high, wide, _ = values.shape
    padded = np.pad(values, ((1, 1), (1, 1), (0, 0)), mode="edge")
    around = sum(padded[row : row + high, column : column + wide] for row in range(3) for column in range(3)) - values
    return np.asarray((1 - share) * values + share / 8 * around)
