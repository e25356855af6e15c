"""The points of a scene as they are stored, and the way back to the order of their scan."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...core.features import PointFeatures
from ...core.scene import PointCloud

Order = Literal["scan", "stored"]  # the dataset's own order of a scene's points, or the Morton order of the files


@dataclass(frozen=True)
class StoredPoints:
    """A cloud in stored order; point i of it is point original_index[i] of the scan."""

    points: PointCloud
    superpoint: NDArray[np.int32]  # (N,)
    original_index: NDArray[np.int32]  # (N,) a permutation

    def __len__(self) -> int:
        return len(self.points)

    @cached_property
    def scan_order(self) -> NDArray[np.intp]:
        """(N,) the stored row of each point of the scan."""
        return np.argsort(self.original_index)

    def in_scan_order(self) -> PointCloud:
        """The cloud as the dataset has it."""
        return self.points.take(self.scan_order)

    def to_scan(self, column: NDArray[Any]) -> NDArray[Any]:
        """A column with one row per stored point, in the scan's order."""
        return column[self.scan_order]

    def to_stored(self, column: NDArray[Any]) -> NDArray[Any]:
        """A column with one row per point of the scan, in stored order."""
        return column[self.original_index]

    def features_to_scan(self, features: PointFeatures) -> PointFeatures:
        """Features whose rows are stored points, with rows of the scan."""
        point_index = self.original_index[features.point_index]
        order = np.argsort(point_index)
        return PointFeatures(features.space, point_index[order], features.vectors[order], features.view_count[order])
