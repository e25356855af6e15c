"""A feature set that gets something more: held against its replacement until the end of the transaction."""

from sqlalchemy import Connection, select

from ...core.errors import NotFound
from ..catalog.catalog import FeatureSetInfo
from ..postgres import locks
from ..postgres.schema import feature_sets


def held_ready(connection: Connection, found: FeatureSetInfo, what_to_do: str) -> None:
    """NotFound where it was replaced or forgotten since it was looked up."""
    locks.publishing(connection)
    locks.scene(connection, found.dataset, found.scene)
    ready = (feature_sets.c.id == found.id, feature_sets.c.state == "ready")
    if connection.execute(select(feature_sets.c.id).where(*ready)).one_or_none() is None:
        raise NotFound(f"The features {found.name!r} were replaced or forgotten in the meantime; {what_to_do}.")
