"""The regions of a feature set made again from its point vectors: the same recipe gives the same rows."""

from typing import Any, cast

from ...core.errors import BadInput
from ...store.catalog import catalog, crop_sets, file_digests
from ...store.catalog.catalog import FeatureSetInfo
from ...store.postgres.database import Database
from ...store.publish.crop_sets import publish_crops
from .. import geometry
from ..publish_features import publish_with_regions
from .given import objects_of_superpoints
from .objects import ObjectOptions
from .pool import PoolOptions


def regions_again(store: Database, found: FeatureSetInfo) -> None:
    """BadInput where the file of the vectors is not what was written; what is published then is not what it was."""
    with store.connect() as connection:
        damage = file_digests.examine(connection, store, [found.features_file])
    if damage:
        raise BadInput(f"{found.features_file} is damaged: {damage[found.features_file]}.")
    if "masks" in found.recipe:
        raise BadInput(
            f"The objects of {found.name!r} were made from 2D masks, which the store does not keep: ingest the scan "
            "again with --masks FOLDER --again."
        )
    scene = catalog.find_scene(store, f"{found.dataset}/{found.scene}")
    described = crop_sets.sound(store, found)
    recipe: dict[str, Any] = found.recipe
    held = geometry.published(store, scene)
    of_point = catalog.features_file(store, found).regions("object", held.superpoint)
    publish_with_regions(
        store,
        held,
        found.name,
        recipe,
        cast(Any, found.source),
        catalog.load_features(store, scene.id, found.name),
        ObjectOptions(**recipe["objects"]),
        PoolOptions(**recipe["pool"]),
        mask_object=objects_of_superpoints(held.superpoint, of_point) if "instances" in recipe else None,
        merged_by="given" if "instances" in recipe else "both",
    )
    if described is not None:
        now = catalog.find_feature_set(store, scene, found.name)
        publish_crops(store, now, *described)
