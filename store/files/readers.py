"""The files of a scene and of a feature set as values: who reads them needs neither the database nor their columns."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core.features import EmbeddingSpace, Level, PointFeatures
from . import parquet
from .stored_points import StoredPoints


@dataclass(frozen=True)
class PointsFile:
    """The points of a scene. Pickles."""

    path: Path

    def read(self) -> StoredPoints:
        """All of it."""
        return parquet.read_points(self.path)

    def has_colors(self) -> bool:
        """Whether the points have colours; no row is read."""
        return parquet.has_colors(self.path)

    def xyz(self) -> NDArray[np.float64]:
        """(N, 3) metres; the other columns stay unread."""
        return parquet.read_xyz(self.path)

    def original_index(self) -> NDArray[np.int32]:
        """(N,) each point's row in the scan's own order; the other columns stay unread."""
        return parquet.read_original_index(self.path)


@dataclass(frozen=True)
class FeaturesFile:
    """The vectors of a feature set; points are rows in stored order. Pickles."""

    path: Path
    space: EmbeddingSpace

    def read(self) -> PointFeatures:
        """All of it, in ascending point_index."""
        return parquet.read_features(self.path, self.space)

    def blocks(self) -> Iterator[tuple[NDArray[np.int32], NDArray[np.float16]]]:
        """point_index and vectors of all rows in file order, a few thousand at a time."""
        return parquet.feature_blocks(self.path, self.space)

    def point_index(self) -> NDArray[np.int32]:
        """(M,) the point of each row, in file order; the other columns stay unread."""
        return parquet.read_seen(self.path)

    def vectors_at(self, rows: NDArray[np.integer]) -> NDArray[np.float16]:
        """(len(rows), C) the vectors of rows in file order, in the order asked for; only their blocks are read."""
        return parquet.read_vectors_at(self.path, self.space, rows)

    def view_counts(self, point_count: int) -> NDArray[np.int32]:
        """(N,) the frames that saw each point of the cloud; 0 for points without a vector."""
        return parquet.read_view_counts(self.path, point_count)

    def regions(self, level: Level, superpoint: NDArray[np.int32]) -> NDArray[np.int32]:
        """(N,) the region of each point of the cloud whose points have these superpoints; -1 for none."""
        return superpoint if level == "superpoint" else parquet.read_objects(self.path, superpoint)
