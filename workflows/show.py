"""What the store knows of one scene, or of one region and the images that show it best."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..core.answer_tables import plain
from ..core.features import Evidence, OrientedBox
from ..store.catalog import catalog, region_names
from ..store.catalog.catalog import RegionInfo, SceneInfo
from ..store.catalog.regions import region_views
from ..store.postgres import thing_trees
from ..store.postgres.database import Database
from ..store.search.things.shape import box_of, views_of


@dataclass(frozen=True)
class SceneDescription:
    """A scene and its largest objects."""

    scene: SceneInfo
    objects: tuple[RegionInfo, ...]  # of all feature sets, those with most points first

    def to_dict(self) -> dict[str, Any]:
        """What `ovstore show SCENE --json` prints."""
        return {**asdict(self.scene), "objects": [plain(asdict(each)) for each in self.objects]}


@dataclass(frozen=True)
class RegionDescription:
    """A region and its evidence."""

    region: RegionInfo
    views: tuple[Evidence, ...]  # the best first

    def to_dict(self) -> dict[str, Any]:
        """What `ovstore show SCENE:REGION --json` prints."""
        shown = [{"frame": view.frame, "image_path": view.image_path, "box_xyxy": view.box_xyxy} for view in self.views]
        return {"name": self.region.full_name, **plain(asdict(self.region)), "views": shown}


def describe(
    store: Database, name: str, features: str | None = None, top: int = 15
) -> SceneDescription | RegionDescription:
    """SCENE with its `top` largest objects, or SCENE:REGION, whose feature set may be named."""
    scene, region = region_names.scene_or_region(store, name, features)
    if region is not None:
        return RegionDescription(region, evidence_of(store, region))
    return SceneDescription(scene, tuple(catalog.regions(store, scene.id, "object", top)))


def box_of_thing(store: Database, thing: RegionInfo) -> OrientedBox | None:
    """The upright box of least volume around a thing; None where its tree was made again meanwhile."""
    with store.autocommit() as connection:
        tree = thing_trees.load(connection, thing.feature_set_id)
    return None if tree is None else box_of(tree, np.flatnonzero(np.isin(tree.superpoint, thing.superpoints)))


def evidence_of(store: Database, region: RegionInfo) -> tuple[Evidence, ...]:
    """The images that show a region best, the best first; of a thing, those that show all of it."""
    if region.level != "thing":
        return tuple(region_views(store, region.id))
    with store.autocommit() as connection:
        tree = thing_trees.load(connection, region.feature_set_id)
    if tree is None:  # made again meanwhile
        return ()
    [views] = views_of([(tree, np.flatnonzero(np.isin(tree.superpoint, region.superpoints)))])
    frames = catalog.load_frames(store, region.scene_id)
    shown = [(view, frames[view.frame]) for view in views if view.frame < len(frames)]
    return tuple(
        Evidence(frame.name, str(frame.image_path), view.box_xyxy, view.visible_points, view.frame, frame.camera)
        for view, frame in shown
    )
