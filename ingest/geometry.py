"""The geometry of one scene: what all its feature sets share."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.features import Correspondence
from ..core.scene import Frame, PointCloud, Scene
from ..store.catalog import catalog
from ..store.catalog.catalog import SceneInfo
from ..store.files.stored_points import StoredPoints
from ..store.postgres.database import Database
from ..store.publish.fingerprints import Fingerprint
from ..store.publish.publish import Publishing


@dataclass(frozen=True)
class Unpublished:
    """What becomes of a geometry that is published together with the features that are made of it."""

    dataset: str
    format: str
    scene: Scene  # its points in Morton order
    recipe: dict[str, Any]
    files: Fingerprint  # that it was read from
    anew: bool  # these are others than those of the geometry in the store


@dataclass(frozen=True)
class Geometry:
    """What all encoders share: as it was published, or as it will be."""

    scene_id: int | None  # None: unpublished
    up_axis: str
    stored: StoredPoints
    frames: tuple[Frame, ...]
    correspondences: list[Correspondence]
    findings: tuple[str, ...]
    unpublished: Unpublished | None = None

    @property
    def points(self) -> PointCloud:
        """In stored order."""
        return self.stored.points

    @property
    def superpoint(self) -> NDArray[np.int32]:
        """(N,) in stored order."""
        return self.stored.superpoint

    def publish(self, at: Publishing) -> int:
        """The id of its scene, which it gets where it has none."""
        if self.scene_id is not None:
            return self.scene_id
        new = self.unpublished
        assert new is not None
        scene_id = at.geometry(
            new.dataset,
            new.format,
            new.scene,
            self.stored.superpoint,
            self.stored.original_index,
            self.correspondences,
            new.recipe,
            anew=new.anew,
        )
        at.remember(new.files, scene_id=scene_id)
        return scene_id


def published(store: Database, scene: SceneInfo) -> Geometry:
    """As the store holds it."""
    return Geometry(
        scene.id,
        scene.up_axis,
        catalog.load_points(store, scene.id),
        catalog.load_frames(store, scene.id),
        catalog.load_correspondences(store, scene.id),
        (),
    )
