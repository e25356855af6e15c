"""The geometry of one scene, as it was published: what all its feature sets share."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..store import catalog
from ..store.catalog import SceneInfo
from ..store.database import Store
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


def published(store: Store, scene: SceneInfo) -> Geometry:
    """As the store holds it."""
    points, superpoint, original_index = catalog.load_points(store, scene.id)
    return Geometry(
        scene.id,
        scene.up_axis,
        points,
        original_index,
        catalog.load_frames(store, scene.id),
        superpoint,
        catalog.load_correspondences(store, scene.id),
        (),
    )
