"""Whether the trees of things are there, and belong to the superpoints that are stored."""

from collections.abc import Iterable

import numpy as np
from sqlalchemy import Connection, select

from ...core.errors import BadInput
from ...core.things import ThingTree
from ..catalog.catalog import FeatureSetInfo
from ..postgres import thing_trees
from ..postgres.database import Database
from ..postgres.schema import frames, regions


def without_tree(store: Database, sets: Iterable[FeatureSetInfo]) -> list[FeatureSetInfo]:
    """Those that have superpoints but no tree of them; sets whose recipe tells nothing of objects never have one."""
    able = [found for found in sets if "objects" in found.recipe]
    ids = [found.id for found in able]
    with_superpoints = (
        select(regions.c.feature_set_id)
        .where(regions.c.feature_set_id.in_(ids), regions.c.level == "superpoint")
        .distinct()
    )
    with store.connect() as connection:
        wanted = set(connection.scalars(with_superpoints)) - thing_trees.held(connection, ids)
    return [found for found in able if found.id in wanted]


def problem_of_tree(store: Database, found: FeatureSetInfo) -> str | None:
    """What is wrong with the tree of a feature set; None where it has none, or one that belongs to its superpoints."""
    with store.connect() as connection:
        body = thing_trees.body_of(connection, found.id)
        if body is None:
            return None
        try:
            return _disagreement(connection, thing_trees.from_bytes(body), found)
        except BadInput as error:
            return str(error).rstrip(".")


def _disagreement(connection: Connection, tree: ThingTree, found: FeatureSetInfo) -> str | None:
    own = (regions.c.feature_set_id == found.id, regions.c.level == "superpoint")
    columns = (regions.c.ordinal, regions.c.point_count, regions.c.seen_count)
    stored = np.array(connection.execute(select(*columns).where(*own).order_by(regions.c.ordinal)).all(), np.int64)
    ordinals, *counts = stored.reshape(-1, 3).T
    if not np.array_equal(tree.superpoint, ordinals):
        return f"it has {tree.leaf_count:,} superpoints, which are not the {len(ordinals):,} of the feature set"
    for name, of_leaf in zip(("point_count", "seen_count"), counts, strict=True):
        if not np.array_equal(getattr(tree, name), _summed(of_leaf, tree)):
            return f"its {name} is not that of the superpoints"
    if tree.vectors.shape[1] != found.space.dim:
        return f"its vectors have {tree.vectors.shape[1]} numbers, those of {found.space.name} have {found.space.dim}"
    shown = connection.scalars(select(frames.c.ordinal).where(frames.c.scene_id == found.scene_id)).all()
    if len(tree.eyes) < len(shown):  # fewer rows than it knows are the scene's own fault, which is told there
        return f"its frames are not the {len(shown):,} of the scene"
    return None


def _summed(of_leaf: np.ndarray, tree: ThingTree) -> np.ndarray:
    """(S,) of leaves as (M,) of nodes."""
    total = np.zeros(len(tree.parent), np.int64)
    total[: tree.leaf_count] = of_leaf
    for node, above in enumerate(tree.parent[:-1].tolist()):  # a parent comes after its children
        total[above] += total[node]
    return total
