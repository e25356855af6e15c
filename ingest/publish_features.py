"""What every feature set gets after its vectors, whoever made them: objects, pooled regions, its rows, an index."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..core.features import PointFeatures
from ..store.postgres.database import Database
from ..store.publish import publish
from ..store.publish.fingerprints import Fingerprint
from ..store.search import index_choice
from .geometry import Geometry
from .regions.objects import MergedBy, ObjectOptions, objects_of, superpoint_graph
from .regions.pairs import WITHIN, close_pairs
from .regions.pool import PoolOptions, pool_regions, pool_scene
from .regions.tree import thing_tree
from .report import Report, quiet


@dataclass(frozen=True)
class Published:
    """A feature set that can be asked."""

    scene_id: int
    feature_set: int
    region_count: int  # of both levels


def publish_with_regions(
    store: Database,
    geometry: Geometry,
    name: str,
    recipe: dict[str, Any],
    source: Literal["fused", "distilled", "imported"],
    features: PointFeatures,
    object_options: ObjectOptions,
    pool_options: PoolOptions,
    report: Report = quiet,
    maps: Fingerprint | None = None,
    mask_object: NDArray[np.int32] | None = None,
    merged_by: MergedBy = "both",
) -> Published:
    """Publish the vectors of a scene's points as the feature set `name`; `maps` are files they were read from.

    (S,) `mask_object` is the object from 2D masks, or of another tool, that each superpoint belongs to, -1 for none.
    """
    report("regions", 0, 1)
    graph = superpoint_graph(geometry.superpoint, geometry.points, features, object_options)
    object_of_superpoint = objects_of(graph, object_options, mask_object, merged_by)
    regions = pool_regions(
        geometry.points,
        geometry.superpoint,
        object_of_superpoint,
        features,
        geometry.correspondences,
        geometry.frames,
        pool_options,
        geometry.up_axis,
    )
    vectors = pool_scene(features, regions, pool_options)
    pairs = close_pairs(geometry.points.xyz, object_of_superpoint[geometry.superpoint], regions[-1], geometry.up_axis)
    tree = thing_tree(
        geometry.points,
        geometry.superpoint,
        graph,
        geometry.correspondences,
        geometry.frames,
        geometry.up_axis,
        object_options,
        None if merged_by == "features" else mask_object,
    )
    with publish.publishing(store) as at:  # a geometry that is new, and its features: both or neither
        scene_id = geometry.publish(at)
        feature_set = at.features(
            scene_id, name, features.space, recipe, source, features, object_of_superpoint, regions, vectors
        )
        at.pairs(feature_set, pairs, WITHIN)
        if tree is not None:
            at.tree(feature_set, tree)
        if maps is not None:
            at.remember(maps, feature_set_id=feature_set)
    index_choice.on_publish(store, feature_set)
    report("regions", 1, 1)
    return Published(scene_id, feature_set, sum(len(level.regions) for level in regions))
