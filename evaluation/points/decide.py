"""Which class a point's vector is closest to, in words: the rules of OpenScene's evaluation.

Vectors come in blocks, so that a scene of any size needs the memory of one. A class may have several texts: the best of
them counts. Ties go to the lowest index.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ...core.errors import BadInput

Blocks = Iterable[tuple[NDArray[np.int32], NDArray[np.float16]]]  # (rows of the cloud, (rows, dim) vectors)


@dataclass(frozen=True)
class ClassTexts:
    """What classes are asked with."""

    vectors: NDArray[np.float32]  # (T, dim) unit rows, a text each
    index: NDArray[np.intp]  # (T,) the class of each text, ascending; a class without a text is never predicted
    half: bool = False  # round as half precision does, which is how OpenScene's numbers came about

    def __post_init__(self) -> None:
        if not len(self.index):
            raise BadInput("No class has a text to query with.")
        assert self.vectors.shape[0] == len(self.index) and (np.diff(self.index) >= 0).all()


@dataclass(frozen=True)
class Decision:
    """The class of each point of a scene."""

    index: NDArray[np.int32]  # (N,) class, -1 for points without a vector
    score: NDArray[np.float32]  # (N,) cosine of the best text; 0 for points without a vector


def decide(blocks: Blocks, point_count: int, texts: ClassTexts) -> Decision:
    """The class with the best text, of each point that has a vector."""
    index = np.full(point_count, -1, np.int32)
    score = np.zeros(point_count, np.float32)
    first_text = np.flatnonzero(np.diff(texts.index, prepend=-1))
    classes = texts.index[first_text].astype(np.int32)
    matrix = _rounded(texts.vectors, texts.half).T
    for rows, vectors in blocks:
        wide = vectors.astype(np.float32)
        decisive = _best(wide @ matrix, first_text, texts.half)
        if texts.half:  # OpenScene compares sources by unit vectors, but decides by them as they are
            scores = _best(half_units(wide) @ matrix, first_text, True).max(axis=1)
        else:
            scores = decisive.max(axis=1) / np.maximum(np.linalg.norm(wide, axis=1), 1e-30)
        index[rows] = classes[decisive.argmax(axis=1)]
        score[rows] = scores
    return Decision(index, score)


def ensemble(first: Decision, second: Decision, half: bool = False) -> tuple[Decision, NDArray[np.bool_]]:
    """Each point by the source with the higher score, the second for equals; (N,) where that is the first.

    A point with one vector takes that. With `half`, as in OpenScene, a missing vector is one of zeros, which scores 0
    for every class: it wins over a negative score, and its class is the first.
    """
    missing = [np.float32(0) if half else -np.float32(np.inf)]
    scores = [np.where(each.index < 0, missing, each.score) for each in (first, second)]
    from_first = scores[0] > scores[1]
    index = np.where(from_first, first.index, second.index)
    if half:
        index = np.where((first.index < 0) & (second.index < 0), -1, np.maximum(index, 0))
    return Decision(index.astype(np.int32), np.where(from_first, first.score, second.score)), from_first


def fill_from_nearest(index: NDArray[np.int32], xyz: NDArray[np.float64]) -> NDArray[np.int32]:
    """(N,) classes where each point without one (-1) takes that of the nearest point that has one."""
    known = index >= 0
    if known.all() or not known.any():
        return index
    _, nearest = cKDTree(xyz[known]).query(xyz[~known])
    filled = index.copy()
    filled[~known] = index[known][nearest]
    return filled


def half_units(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of unit length, or of zeros, as half precision has them; OpenScene adds 1e-5 to each length."""
    return _rounded(vectors / (np.linalg.norm(vectors, axis=1, keepdims=True) + np.float32(1e-5)), True)


def _best(scores: NDArray[np.float32], first_text: NDArray[np.intp], half: bool) -> NDArray[np.float32]:
    """(rows, T) scores of texts to (rows, classes): the best text of each."""
    return np.maximum.reduceat(_rounded(scores, half), first_text, axis=1)


def _rounded(values: NDArray[np.float32], half: bool) -> NDArray[np.float32]:
    return values.astype(np.float16).astype(np.float32) if half else values
