"""Vectors of objects from crops become the store's, in one transaction."""

from typing import Any

from sqlalchemy import insert, select

from ...core.features import CropVectors
from ..catalog.catalog import FeatureSetInfo
from ..catalog.contents import crops_content
from ..catalog.crop_sets import remove
from ..postgres.copy_in import copy_rows, half
from ..postgres.database import Database
from ..postgres.schema import crop_sets, region_crops, regions
from .ready import held_ready
from .rows import recipe_id


def publish_crops(store: Database, found: FeatureSetInfo, recipe: dict[str, Any], crops: CropVectors) -> None:
    """Those that the feature set had are replaced. NotFound where it was replaced itself since it was looked up."""
    store.require_writable()
    found.space.require_same(crops.space)
    with store.connect() as connection:
        held_ready(connection, found, "describe them again")
        own = (regions.c.feature_set_id == found.id, regions.c.level == "object")
        region_of = {
            row.ordinal: row.id for row in connection.execute(select(regions.c.ordinal, regions.c.id).where(*own))
        }
        remove(connection, [found.id])
        values = {"recipe_id": recipe_id(connection, recipe), "content_digest": crops_content(crops)}
        connection.execute(insert(crop_sets).values(feature_set_id=found.id, **values))
        copy_rows(
            connection,
            region_crops,
            ("region_id", "crop_count", "embedding"),
            (
                (region_of[ordinal], count, half(vector))
                for ordinal, count, vector in zip(
                    crops.ordinal.tolist(), crops.crop_count.tolist(), crops.vectors, strict=True
                )
            ),
        )
