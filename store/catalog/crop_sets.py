"""Vectors of objects from crops of images: how they were made, and what the database holds of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, delete, select

from ...core.digests import recipe_digest
from ...core.features import CropVectors, EmbeddingSpace
from ..postgres import schema
from ..postgres.database import Database
from .catalog import FeatureSetInfo
from .contents import crops_content
from .regions import halves


@dataclass(frozen=True)
class CropSetInfo:
    """That the objects of a feature set have vectors from crops."""

    feature_set_id: int
    recipe: dict[str, Any]  # which crops of which feature set, by what network
    content_digest: str
    created_at: datetime

    def is_of(self, recipe: dict[str, Any]) -> bool:
        """Whether it was made by this very recipe."""
        return recipe_digest(self.recipe) == recipe_digest(recipe)


def crop_sets(store: Database) -> dict[int, CropSetInfo]:
    """Those there are, by feature set."""
    sets, recipes = schema.crop_sets, schema.recipes
    query = select(sets.c.feature_set_id, recipes.c.body, sets.c.content_digest, sets.c.created_at)
    with store.connect() as connection:
        rows = connection.execute(query.join_from(sets, recipes)).all()
    return {row.feature_set_id: CropSetInfo(*row) for row in rows}


def load_crops(store: Database, feature_set_id: int, space: EmbeddingSpace) -> CropVectors:
    """The vectors of a feature set's objects from crops, in ascending order; none where it was not described."""
    with store.connect() as connection:
        return crops_of(connection, feature_set_id, space)


def crops_of(connection: Connection, feature_set_id: int, space: EmbeddingSpace) -> CropVectors:
    """`load_crops` in a transaction that is open."""
    crops, regions = schema.region_crops, schema.regions
    query = select(regions.c.ordinal, crops.c.crop_count, crops.c.embedding).join_from(crops, regions)
    own = (regions.c.feature_set_id == feature_set_id, regions.c.level == "object")
    rows = connection.execute(query.where(*own).order_by(regions.c.ordinal)).all()
    vectors = np.array([halves(row.embedding) for row in rows], np.float16).reshape(len(rows), space.dim)
    ordinal, count = (np.array([row[column] for row in rows], np.int32) for column in (0, 1))
    return CropVectors(space, ordinal, count, vectors)


def sound(store: Database, found: FeatureSetInfo) -> tuple[dict[str, Any], CropVectors] | None:
    """The recipe and the vectors of a feature set's objects from crops, where they are as they were published."""
    info = crop_sets(store).get(found.id)
    if info is None or problem_of(store, info, found.space) is not None:
        return None
    return info.recipe, load_crops(store, found.id, found.space)


def remove(connection: Connection, feature_set_ids: Sequence[int]) -> int:
    """The vectors from crops of these feature sets go; returns how many sets had any."""
    objects = select(schema.regions.c.id).where(schema.regions.c.feature_set_id.in_(feature_set_ids))
    connection.execute(delete(schema.region_crops).where(schema.region_crops.c.region_id.in_(objects)))
    return connection.execute(
        delete(schema.crop_sets).where(schema.crop_sets.c.feature_set_id.in_(feature_set_ids))
    ).rowcount


def problem_of(store: Database, info: CropSetInfo, space: EmbeddingSpace) -> str | None:
    """What is wrong with the vectors from crops, in a sentence; None when they are as they were published."""
    same = crops_content(load_crops(store, info.feature_set_id, space)) == info.content_digest
    return None if same else "the vectors from crops are not what was published"
