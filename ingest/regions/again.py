"""The regions of a feature set, or their tree, made again from its point vectors: the same recipe gives the same."""

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput
from ...store.catalog import catalog, crop_sets, file_digests
from ...store.catalog.catalog import FeatureSetInfo
from ...store.postgres import thing_trees
from ...store.postgres.database import Database
from ...store.publish.crop_sets import publish_crops
from ...store.publish.trees import publish_tree
from .. import geometry
from ..publish_features import publish_with_regions
from .given import objects_of_superpoints
from .objects import MergedBy, ObjectOptions, superpoint_graph
from .pool import PoolOptions
from .tree import thing_tree


def regions_again(store: Database, found: FeatureSetInfo) -> None:
    """BadInput where the file of the vectors is not what was written; what is published then is not what it was."""
    _require_sound(store, found)
    scene = catalog.find_scene(store, f"{found.dataset}/{found.scene}")
    described = crop_sets.sound(store, found)
    recipe: dict[str, Any] = found.recipe
    held = geometry.published(store, scene)
    publish_with_regions(
        store,
        held,
        found.name,
        recipe,
        cast(Any, found.source),
        catalog.load_features(store, scene.id, found.name),
        ObjectOptions(**recipe["objects"]),
        PoolOptions(**recipe["pool"]),
        mask_object=_given_objects(store, found, held),
        merged_by=_merged_by(recipe),
    )
    if described is not None:
        now = catalog.find_feature_set(store, scene, found.name)
        publish_crops(store, now, *described)


def tree_again(store: Database, found: FeatureSetInfo) -> None:
    """The tree of things of a feature set, anew or for the first time; nothing else of it changes.

    BadInput where the file of the vectors is not what was written, or where masks are needed that the store lacks.
    """
    _require_sound(store, found)
    if "masks" in found.recipe:
        raise _without_masks(found)
    scene = catalog.find_scene(store, f"{found.dataset}/{found.scene}")
    held = geometry.published(store, scene)
    features = catalog.load_features(store, scene.id, found.name)
    options = ObjectOptions(**found.recipe["objects"])
    tree = thing_tree(
        held.points,
        held.superpoint,
        superpoint_graph(held.superpoint, held.points, features, options),
        held.correspondences,
        held.frames,
        held.up_axis,
        options,
        _given_objects(store, found, held),
    )
    if tree is not None:
        publish_tree(store, found, tree)


def _given_objects(store: Database, found: FeatureSetInfo, held: geometry.Geometry) -> NDArray[np.int32] | None:
    """(S,) what masks or another tool called one object, as the tree or the objects tell; None without either."""
    if "masks" in found.recipe:
        return _mask_objects(store, found, held)
    if "instances" not in found.recipe:
        return None
    of_point = catalog.features_file(store, found).regions("object", held.superpoint)
    return objects_of_superpoints(held.superpoint, of_point)


def _mask_objects(store: Database, found: FeatureSetInfo, held: geometry.Geometry) -> NDArray[np.int32]:
    """(S,) what 2D masks called one object; BadInput where the tree of things, which says so, is gone."""
    with store.connect() as connection:
        tree = thing_trees.load(connection, found.id)
    size = np.bincount(held.superpoint)
    if (
        tree is None
        or tree.superpoint[-1] >= len(size)
        or (size[tree.superpoint] != tree.point_count[: tree.leaf_count]).any()
    ):
        raise _without_masks(found)
    mask_object = np.full(len(size), -1, np.int32)
    mask_object[tree.superpoint] = tree.mask_object
    return mask_object


def _without_masks(found: FeatureSetInfo) -> BadInput:
    return BadInput(
        f"The objects of {found.name!r} were made from 2D masks, and its tree of things, which tells what they held, "
        "is gone or damaged: ingest the scan again with --masks FOLDER --again."
    )


def _merged_by(recipe: dict[str, Any]) -> MergedBy:
    if "instances" in recipe:
        return "given"
    return cast(MergedBy, recipe["masks"]["merged_by"]) if "masks" in recipe else "both"


def _require_sound(store: Database, found: FeatureSetInfo) -> None:
    with store.connect() as connection:
        damage = file_digests.examine(connection, store, [found.features_file])
    if damage:
        raise BadInput(f"{found.features_file} is damaged: {damage[found.features_file]}.")
