"""ovstore doctor --repair: what can be made again from what is left in the store."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..store.catalog.catalog import FeatureSetInfo
    from ..store.maintain.verify import Finding
    from ..store.postgres.database import Database


def identity_again(folder: str) -> bool:
    """Write a store.json that is gone or damaged again, where the folder has the database that knows what it said."""
    from ..store.files import places
    from ..store.postgres import identity
    from ..store.postgres.database import Database

    path = Path(folder).absolute()
    if not (path / places.CLUSTER).is_dir():
        return False
    with Database(path) as store, store.connect() as connection:
        return identity.write_again(connection, path)


def repair(store: "Database", findings: "Sequence[Finding]") -> list[str]:
    """A line for each thing that was made again: index files from rows, regions and their trees from point vectors."""
    from ..core import plugins
    from ..ingest.regions.again import tree_again
    from ..store.catalog import catalog
    from ..store.maintain.verify_contents import subject_of
    from ..store.maintain.verify_trees import problem_of_tree, without_tree
    from ..store.search import index_rows, region_vectors

    store.require_writable()
    done = []
    for space_id, level in region_vectors.damaged(store):
        plugins.load("store.search.indexes", "exact").build(store, space_id, level)
        done.append(f"the side file of level {level}, from the database")
    for row in index_rows.built(store):
        if row.file is not None and not index_rows.is_sound(store, row, whole=True):
            plugins.load("store.search.indexes", row.name).build(store, row.space_id, row.level)
            done.append(f"index {row.name} of {row.space}, level {row.level}, from the database")
    sets = {found.id: found for found in catalog.feature_sets(store)}
    for finding in findings:
        found = sets.get(finding.feature_set_id or -1)
        if found is not None and _regions_again(store, found):
            done.append(f"the regions of {finding.subject}, from its point vectors")
    sets = {found.id: found for found in catalog.feature_sets(store)}  # regions made again may be of a new set
    without = {found.id for found in without_tree(store, sets.values())}
    for found in sets.values():
        if (found.id in without or problem_of_tree(store, found)) and _done(tree_again, store, found):
            done.append(f"the tree of things of {subject_of(found)}, from its point vectors")
    return done


def _regions_again(store: "Database", found: "FeatureSetInfo") -> bool:
    """Whether the regions of a feature set could be made again as they were."""
    from ..ingest.regions.again import regions_again
    from ..store.catalog import catalog

    if not _done(regions_again, store, found):
        return False
    scene = catalog.find_scene(store, f"{found.dataset}/{found.scene}")
    return catalog.find_feature_set(store, scene, found.name).content_digest == found.content_digest


def _done(make: "Callable[[Database, FeatureSetInfo], None]", store: "Database", found: "FeatureSetInfo") -> bool:
    """Whether something of a feature set could be made again."""
    from ..core.errors import OvstoreError

    try:
        make(store, found)
    except OvstoreError:  # its file, or the geometry below it, is damaged too, or what it was made from is not kept
        return False
    return True
