"""The geometry of one scene, as it was published: what all its feature sets share."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..store.features import Correspondence
from ..store.scene import Frame, PointCloud


@dataclass(frozen=True)
class Geometry:
    """What all encoders share, as it was published."""

    scene_id: int
    up_axis: str
    points: PointCloud  # in Morton order
    original_index: NDArray[np.int32]  # (N,) each point's row in the dataset's own order
    frames: tuple[Frame, ...]
    superpoint: NDArray[np.int32]  # (N,)
    correspondences: list[Correspondence]
    findings: tuple[str, ...]
