"""A scene as training meets it: points, and targets of some of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadScene, OvstoreError


@dataclass(frozen=True)
class TrainingScene:
    """Every point goes into the network; those of `point_index` have a target."""

    name: str
    xyz: NDArray[np.float64]  # (N, 3) metres
    rgb: NDArray[np.uint8] | None  # (N, 3)
    point_index: NDArray[np.integer]  # (M,) ascending rows of xyz
    target: NDArray[np.float16] | NDArray[np.int64]  # (M, C) vectors, or (M,) classes from 0

    def __post_init__(self) -> None:
        points, index = len(self.xyz), self.point_index
        if self.xyz.ndim != 2 or self.xyz.shape[1] != 3 or not points:
            raise BadScene(f"{self.name}: points of shape {self.xyz.shape}; one or more rows of x, y, z were expected.")
        if unmeasured := int((~np.isfinite(self.xyz).all(axis=1)).sum()):
            raise BadScene(f"{self.name}: {unmeasured} points are not finite; remove them.")
        if self.rgb is not None and (self.rgb.shape != (points, 3) or self.rgb.dtype != np.uint8):
            found = f"{self.rgb.dtype} {self.rgb.shape}"
            raise BadScene(f"{self.name}: colours are {found}; uint8 ({points}, 3) was expected.")
        if index.ndim != 1 or (np.diff(index) <= 0).any() or (len(index) and not 0 <= index[0] <= index[-1] < points):
            raise BadScene(f"{self.name}: point_index must be ascending within 0 .. {points - 1}.")
        kind = {1: np.int64, 2: np.float16}.get(self.target.ndim)
        if len(self.target) != len(index) or self.target.dtype != kind:
            found = f"{self.target.dtype} {self.target.shape}"
            expected = f"float16 ({len(index)}, C) vectors or int64 ({len(index)},) classes"
            raise BadScene(f"{self.name}: targets are {found}; {expected} were expected.")


@dataclass(frozen=True)
class TrainingSource:
    """Where a scene comes from. It is loaded anew each time it is needed, in any thread."""

    name: str
    load: Callable[[], TrainingScene]

    def __call__(self) -> TrainingScene:
        """Whatever goes wrong names the scene."""
        with naming(self.name):
            return self.load()


@contextmanager
def naming(scene: str) -> Iterator[None]:
    """What fails within says in which scene: a person's mistake in its sentence, a bug in a note to its traceback."""
    try:
        yield
    except OvstoreError as error:
        if str(error).startswith(scene):
            raise
        raise BadScene(f"{scene}: {error}") from error
    except Exception as error:
        error.add_note(f"In scene {scene!r} of the training set.")
        raise
