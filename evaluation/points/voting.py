"""Test-time voting as OpenScene's evaluation repeats itself: a scene is looked at several times, the scores are summed.

In each pass the points fall into voxels anew, and a point is scored by the vector of its voxel. Vectors, words, scores
and their sums are rounded to half precision. Between two sources the choice is made in each pass, by unit vectors; the
scores that are summed are those of the vectors as they are.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...core.wording import counted
from ...store.catalog.catalog import SceneInfo
from .decide import ClassTexts, half_units
from .evaluated import EvaluatedFeatures, Prediction

_BLOCK = 65_536  # rows that are scored at once


@dataclass(frozen=True)
class VoxelVectors:
    """What one source says of the voxels of a pass."""

    vectors: NDArray[np.float16]  # (V, dim) zeros for voxels without one
    present: NDArray[np.bool_]  # (V,)


@dataclass(frozen=True)
class Pass:
    """One look at a scene."""

    voxel_of_point: NDArray[np.integer]  # (N,)
    sources: tuple[VoxelVectors, ...]  # one, or the two of an ensemble


@dataclass(frozen=True)
class VotedFeatures(EvaluatedFeatures):
    """Feature sets whose vectors are looked up, or computed, anew in each pass."""

    passes: Callable[[SceneInfo], Iterable[Pass]] = field(kw_only=True)
    count: int = field(kw_only=True)  # of the passes

    @property
    def title(self) -> str:
        """What a table calls them."""
        return f"{self.chosen.title} in {counted(self.count, 'pass', 'es')}"

    def predict(self, scene: SceneInfo) -> Prediction:
        """The class of the best sum."""
        return Prediction(vote(self.passes(scene), scene.point_count, self.texts))


def vote(passes: Iterable[Pass], point_count: int, texts: ClassTexts) -> NDArray[np.int32]:
    """(N,) classes: a class may have several texts, each is summed by itself; ties go to the first.

    A point has no class (-1) where no source has a vector for its voxel in the last pass.
    """
    sums = np.zeros((point_count, len(texts.index)), np.float16)
    present = np.zeros(point_count, np.bool_)
    matrix = texts.vectors.astype(np.float16).astype(np.float32).T
    for one in passes:
        scores = np.concatenate(list(_scores(one.sources, matrix)))
        for start in range(0, point_count, _BLOCK):
            points = slice(start, start + _BLOCK)
            sums[points] += scores[one.voxel_of_point[points]]
        present = np.logical_or.reduce([source.present for source in one.sources])[one.voxel_of_point]
    best = np.concatenate([sums[at : at + _BLOCK].argmax(axis=1) for at in range(0, point_count, _BLOCK)])
    return np.where(present, texts.index[best], -1).astype(np.int32)


def _scores(sources: tuple[VoxelVectors, ...], matrix: NDArray[np.float32]) -> Iterator[NDArray[np.float16]]:
    """Blocks of (rows, T)."""
    first, *others = (source.vectors for source in sources)
    for start in range(0, len(first), _BLOCK):
        rows = slice(start, start + _BLOCK)
        chosen = first[rows]
        for other in others:
            from_first = _certainty(chosen, matrix) > _certainty(other[rows], matrix)
            chosen = np.where(from_first[:, None], chosen, other[rows])
        yield (chosen.astype(np.float32) @ matrix).astype(np.float16)


def _certainty(vectors: NDArray[np.float16], matrix: NDArray[np.float32]) -> NDArray[np.float16]:
    """(rows,) the best score of unit vectors."""
    best: NDArray[np.float32] = (half_units(vectors.astype(np.float32)) @ matrix).max(axis=1)
    return best.astype(np.float16)
