"""The tree of a feature set that is there already becomes the store's, in one transaction."""

from ...core.things import ThingTree
from ..catalog.catalog import FeatureSetInfo
from ..postgres import thing_trees
from ..postgres.database import Database
from .ready import held_ready


def publish_tree(store: Database, found: FeatureSetInfo, tree: ThingTree) -> None:
    """In place of the one it had. NotFound where the feature set was replaced itself since it was looked up."""
    with store.connect() as connection:
        held_ready(connection, found, "ask for its tree again")
        thing_trees.keep(connection, found.id, tree)
