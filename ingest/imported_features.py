"""Features that somebody else fused, in place of ours: a row for each point of a scan that has one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core.errors import BadScene
from ..core.features import Correspondence, EmbeddingSpace, PointFeatures
from ..store.files.stored_points import StoredPoints
from .fusion.point_views import view_counts

UNIT_TOLERANCE = 1e-3  # a length this near to 1 is 1, rounded to halves: such rows stay as they are, to the bit
_ROWS_AT_ONCE = 1 << 15


@dataclass(frozen=True)
class ImportedFeatures:
    """Vectors for the points of a scan in its own order."""

    covered: NDArray[np.bool_]  # (N,) which points have a vector
    vectors: NDArray[np.float16]  # (M, C) of the covered points, in their order
    findings: tuple[str, ...] = ()

    def require_points(self, count: int) -> None:
        """BadScene unless these are of a scan with that many points."""
        if len(self.covered) != count:
            raise BadScene(f"the features are for {len(self.covered):,} points, the scan has {count:,}")

    def require_space(self, space: EmbeddingSpace) -> None:
        """BadScene unless the vectors can be of that space, as far as their length tells."""
        if self.vectors.shape[1] != space.dim:
            raise BadScene(
                f"the features have {self.vectors.shape[1]} numbers, but vectors of {space.name} have {space.dim}: "
                "name the encoder whose text tower they were made for with --encoder (and its --model)"
            )


def point_features(
    imported: ImportedFeatures,
    stored: StoredPoints,
    correspondences: Sequence[Correspondence],
    space: EmbeddingSpace,
    unit_length: bool,
) -> PointFeatures:
    """The features with points in stored order.

    A published mean is shorter than 1 where its views disagreed; `unit_length` brings rows to 1, or they keep it. How
    many frames saw a point is not published: it is what `correspondences` say, and 1 where they are silent.
    """
    point_index = np.flatnonzero(stored.to_stored(imported.covered)).astype(np.int32)
    row = stored.to_stored(np.cumsum(imported.covered) - 1)
    vectors = imported.vectors[row[point_index]]
    if unit_length:
        _to_unit_length(vectors)
    views = view_counts(correspondences, len(stored))
    return PointFeatures(space, point_index, vectors, np.maximum(views[point_index], 1))


def usable(vectors: NDArray[np.float16]) -> NDArray[np.bool_]:
    """(M,) whether each row has a direction: finite numbers, not all of them zero."""
    found = np.empty(len(vectors), bool)
    for start in range(0, len(vectors), _ROWS_AT_ONCE):
        rows = vectors[start : start + _ROWS_AT_ONCE]
        found[start : start + _ROWS_AT_ONCE] = np.isfinite(rows).all(axis=1) & rows.any(axis=1)
    return found


def _to_unit_length(vectors: NDArray[np.float16]) -> None:
    """In place; rows must have a direction."""
    for start in range(0, len(vectors), _ROWS_AT_ONCE):
        rows = vectors[start : start + _ROWS_AT_ONCE].astype(np.float32)
        length = np.linalg.norm(rows, axis=1, keepdims=True)
        off = np.flatnonzero(np.abs(length[:, 0] - 1) > UNIT_TOLERANCE)
        vectors[start + off] = (rows[off] / length[off]).astype(np.float16)
