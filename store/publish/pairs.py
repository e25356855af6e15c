"""The rows that say how the objects of one feature set stand to one another."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from ..postgres.copy_in import copy_rows
from ..postgres.schema import feature_sets, region_pairs, regions

_COLUMNS = ("first_id", "second_id", "distance", "supported")


@dataclass(frozen=True)
class RegionPair:
    """Two objects of one feature set that are close."""

    first: int  # ordinal
    second: int  # ordinal, another
    distance: float  # metres between the closest points
    supported: int | None  # the one of the two that stands on the other


def insert_pairs(connection: Connection, feature_set_id: int, pairs: Sequence[RegionPair], within: float) -> None:
    """All pairs up to `within` metres; nothing where the feature set has its pairs already."""
    own = feature_sets.c.id == feature_set_id
    if connection.scalar(select(feature_sets.c.pairs_within).where(own)) is not None:
        return
    found = select(regions.c.ordinal, regions.c.id).where(
        regions.c.feature_set_id == feature_set_id, regions.c.level == "object"
    )
    ids = {row.ordinal: row.id for row in connection.execute(found)}
    rows = []
    for pair in pairs:
        first, second = sorted((ids[pair.first], ids[pair.second]))
        rows.append((first, second, pair.distance, None if pair.supported is None else ids[pair.supported]))
    copy_rows(connection, region_pairs, _COLUMNS, rows)
    connection.execute(update(feature_sets).where(own).values(pairs_within=within))
