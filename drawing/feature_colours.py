"""Features as colours: their three main directions as red, green and blue, the same for all pictures of a folder."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SAMPLES = 4096  # vectors of one picture that the directions are sought among
_TAILS = (1, 99)  # percentiles that are shown darkest and brightest
_AT_ONCE = 1 << 22  # values turned into float32 at once


@dataclass(frozen=True)
class Directions:
    """Where the vectors of some pictures differ most."""

    mean: NDArray[np.float32]  # (C,)
    axes: NDArray[np.float32]  # (3, C) unit rows
    low: NDArray[np.float32]  # (3,) along an axis, what is shown darkest
    high: NDArray[np.float32]  # (3,) and brightest

    def colours(self, values: NDArray[np.float16]) -> NDArray[np.uint8]:
        """(h, w, C) to (h, w, 3)."""
        places = products(values, self.axes) - self.axes @ self.mean
        share = (places - self.low) / np.maximum(self.high - self.low, 1e-6)
        return (np.clip(share, 0, 1) * 255).round().astype(np.uint8)


def sample(values: NDArray[np.float16]) -> NDArray[np.float32]:
    """(n, C) unit vectors of cells spread evenly over (h, w, C)."""
    step = max(1, round((values.shape[0] * values.shape[1] / SAMPLES) ** 0.5))
    return _unit(values[::step, ::step].reshape(-1, values.shape[2]))


def main_directions(samples: Sequence[NDArray[np.float32]]) -> Directions:
    """Principal components of unit vectors (n, C), each turned so that its largest entry is positive."""
    vectors = np.concatenate(samples).astype(np.float64)
    mean = vectors.mean(axis=0)
    _, axes = np.linalg.eigh(np.cov(vectors - mean, rowvar=False, bias=True).reshape(len(mean), -1))
    axes = axes[:, ::-1].T[:3]
    axes = np.concatenate([axes, np.zeros((3 - len(axes), len(mean)))])
    axes *= np.where(axes[np.arange(3), np.abs(axes).argmax(axis=1)] < 0, -1, 1)[:, None]
    low, high = np.percentile((vectors - mean) @ axes.T, _TAILS, axis=0)
    return Directions(*(part.astype(np.float32) for part in (mean, axes, low, high)))


def products(values: NDArray[np.float16], rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """(h, w, n): the inner products of each cell's unit vector with `rows` (n, C)."""
    return np.concatenate([_unit(strip) @ rows.T for strip in _strips(values)])


def _strips(values: NDArray[np.float16]) -> Iterator[NDArray[np.float16]]:
    step = max(1, _AT_ONCE // values[0].size)
    for top in range(0, len(values), step):
        yield values[top : top + step]


def _unit(values: NDArray[np.float16]) -> NDArray[np.float32]:
    """Unit vectors along the last axis; what has no direction is zero."""
    vectors = np.nan_to_num(values.astype(np.float32), posinf=0, neginf=0)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
