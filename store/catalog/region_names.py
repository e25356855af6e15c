"""What people call a region: SCENE:ORDINAL@LEVEL, which means the same after the scene was ingested again.

A thing is called by the node of its tree: SCENE:NODE@thing.

The database ids of regions are accepted as well. They are new with each feature set; of old ones the store remembers
which names their regions had.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from ...core.errors import BadInput, NotFound
from ..postgres import thing_trees
from ..postgres.database import Database
from . import catalog
from .catalog import SceneInfo
from .regions import RegionInfo, region, region_called

_NAME = re.compile(r"(?:(?P<scene>.+):)?(?:(?P<ordinal>\d+)@(?P<level>object|superpoint|thing)|(?P<id>\d+))", re.DOTALL)
_LARGEST = 2**31 - 1  # of an ordinal; ids are larger
_RETIRE = text(
    """
    INSERT INTO retired_regions (dataset, scene, features, level, first_id, last_id, ordinals, forgotten)
    SELECT datasets.name, scenes.name, feature_sets.name, regions.level, min(regions.id), max(regions.id),
           CASE WHEN max(regions.id) - min(regions.id) + 1 = count(*)
           THEN array_agg(regions.ordinal ORDER BY regions.id) END, :forgotten
    FROM regions JOIN feature_sets ON feature_sets.id = feature_set_id JOIN scenes ON scenes.id = regions.scene_id
    JOIN datasets ON datasets.id = dataset_id WHERE feature_set_id = ANY(:ids)
    GROUP BY feature_sets.id, datasets.name, scenes.name, regions.level
    """
)
_RETIRED = text(
    "SELECT dataset, scene, features, level, ordinals[CAST(:id - first_id + 1 AS integer)] AS ordinal, retired_at, "
    "forgotten FROM retired_regions WHERE :id BETWEEN first_id AND last_id ORDER BY id DESC LIMIT 1"
)


def is_name(words: str) -> bool:
    """Whether the words can be those of a region."""
    return _NAME.fullmatch(words) is not None


def scene_or_region(store: Database, words: str, features: str | None = None) -> tuple[SceneInfo, RegionInfo | None]:
    """A scene, or one of its regions with it; NotFound where there is neither."""
    try:
        return catalog.find_scene(store, words), None
    except NotFound:
        if ":" not in words or not is_name(words):
            raise
    found = find(store, words, features)
    return catalog.find_scene(store, f"{found.dataset}/{found.scene}"), found


def find(store: Database, name: str | int, features: str | None = None) -> RegionInfo:
    """The region of that name or id; BadInput for what is neither, NotFound where there is none.

    ORDINAL@LEVEL is looked for in the feature set called `features`; without one, in those that cover most scenes, or
    in the scene's only one.
    """
    parts = _NAME.fullmatch(str(name))
    if parts is None:
        raise BadInput(
            f"{str(name)!r} is not the name of a region: SCENE:ORDINAL@LEVEL was expected, such as "
            "scene0003_00:17@object."
        )
    if parts["id"] is not None:
        return _by_id(store, int(parts["id"]), parts["scene"])
    scenes = [catalog.find_scene(store, parts["scene"])] if parts["scene"] else catalog.chosen_scenes(store)
    if len(scenes) > 1:
        raise BadInput(f"{name} is a region of each of {len(scenes)} scenes: give SCENE:{name}.")
    held = catalog.find_feature_set(store, scenes[0], features or _usual(store, scenes[0].features))
    ordinal = min(int(parts["ordinal"]), _LARGEST)
    find_one = _thing if parts["level"] == "thing" else partial(region_called, level=parts["level"])
    found = find_one(store, held.id, ordinal=ordinal)
    if found is None:
        raise NotFound(
            f"{scenes[0].full_name} has no region {parts['ordinal']}@{parts['level']} in its features "
            f"{held.name!r}. See: ovstore show {scenes[0].full_name}"
        )
    return found


def thing_vector(store: Database, thing: RegionInfo) -> NDArray[np.float16]:
    """(dim,) unit length: the mean of a thing's points."""
    with store.autocommit() as connection:
        tree = thing_trees.load(connection, thing.feature_set_id)
    if tree is None or thing.ordinal >= len(tree.parent):
        raise NotFound(f"{thing.full_name} is gone: its features were made again meanwhile. Search again.")
    return tree.vectors[thing.ordinal]


def _thing(store: Database, feature_set_id: int, ordinal: int) -> RegionInfo | None:
    """What a node of a feature set's tree is; its id is that of its largest superpoint."""
    with store.autocommit() as connection:
        tree = thing_trees.load(connection, feature_set_id)
    if tree is None or ordinal >= len(tree.parent):
        return None
    leaves = tree.leaves_of(ordinal)
    points = tree.point_count[leaves]
    largest = region_called(store, feature_set_id, "superpoint", int(tree.superpoint[leaves[points.argmax()]]))
    if largest is None:
        return None
    return replace(
        largest,
        level="thing",
        ordinal=ordinal,
        point_count=int(points.sum()),
        seen_count=int(tree.seen_count[ordinal]),
        centre=tuple((tree.centre_sum[leaves].sum(axis=0) / points.sum()).tolist()),
        box_min=tuple(tree.box_min[leaves].min(axis=0).tolist()),
        box_max=tuple(tree.box_max[leaves].max(axis=0).tolist()),
        superpoints=tuple(tree.superpoint[leaves].tolist()),
        oriented_box=None,
    )


def retire(connection: Connection, feature_sets: Sequence[int], *, forgotten: bool = False) -> None:
    """Feature sets are about to be deleted: what their regions were called is remembered."""
    connection.execute(_RETIRE, {"ids": list(feature_sets), "forgotten": forgotten})


def _usual(store: Database, features: Sequence[str]) -> str | None:
    """Of a scene's feature sets the one that is asked by default; None leaves the choice to a person."""
    if len(features) < 2:
        return None
    usual = catalog.feature_kind(store).name
    return usual if usual in features else None


def _by_id(store: Database, id: int, scene: str | None) -> RegionInfo:
    """The region with that id; a scene that is named beside it must be its own."""
    try:
        found = region(store, id)
    except NotFound as error:
        raise _retired(store, id) or error from error
    if scene not in (None, found.scene, f"{found.dataset}/{found.scene}"):
        raise NotFound(
            f"Region {id} does not belong to {scene!r} but is {found.full_name}. A number alone is an id; the "
            f"region that an answer called {id}@object is {scene}:{id}@object."
        )
    return found


def _retired(store: Database, id: int) -> NotFound | None:
    """What became of an id that an older answer had."""
    if id >= 2**63:
        return None
    with store.connect() as connection:
        row = connection.execute(_RETIRED, {"id": id}).one_or_none()
    if row is None:
        return None
    scene = f"{row.dataset}/{row.scene}"
    name = f"{scene}:{row.ordinal}@{row.level}" if row.ordinal is not None else f"a region of {scene}"
    fate = "forgotten" if row.forgotten else "replaced"
    found = f"Region {id} was {name} of the features {row.features!r}, which were {fate} on {row.retired_at:%Y-%m-%d}."
    if row.forgotten:
        return NotFound(found)
    again = (
        f"--like {name} refers to the region of that name now"
        if row.ordinal is not None
        else f"see ovstore show {scene}"
    )
    return NotFound(f"{found} Ids change when features are made again, names do not: {again}.")
