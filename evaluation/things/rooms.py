"""What stands in the rooms of a benchmark, as the store has them: the truth that hits are measured by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput
from ...core.features import LEVELS, Level
from ...store.catalog import catalog
from ...store.catalog.catalog import FeatureSetInfo, SceneInfo
from ...store.postgres.database import Database
from .measures import SceneTruth, scene_truth

Relations = Mapping[str, Sequence[Sequence[int]]]  # by predicate, a thing and what it stands to
FEWEST = 20  # points; what a scan holds less of is not asked for


@dataclass(frozen=True, eq=False)
class Room:
    """One room, ready to measure hits in it."""

    truth: SceneTruth
    regions: Mapping[Level, Mapping[int, NDArray[np.int64]]]  # superpoints of each stored region, by ordinal
    twins: tuple[tuple[int, int], ...]  # pairs of equal things that touch, both seen well enough
    relations: Relations
    xyz: NDArray[np.float64]  # (N, 3) metres
    superpoint: NDArray[np.int32]  # (N,)
    up_axis: str

    @property
    def asked_for(self) -> frozenset[str]:
        """Names of which a thing is seen well enough."""
        return frozenset(
            name for name, size in zip(self.truth.name, self.truth.size, strict=True) if size >= FEWEST
        )  # fmt: skip


def load_room(
    store: Database,
    scene: SceneInfo,
    features: FeatureSetInfo,
    objects: Sequence[dict[str, Any]],
    relations: Relations,
) -> Room:
    """The truth about a scene; BadInput where it is not the scan that `objects` of truth.json speak of."""
    held = catalog.load_points(store, scene.id)
    thing = held.points.instances
    if thing is None or int(thing.max()) >= len(objects):
        raise BadInput(f"{scene.full_name} is not the scan that the benchmark's truth.json describes.")
    names = [str(placed["class"]) for placed in objects]
    truth = scene_truth(held.superpoint, thing, names)
    file = catalog.features_file(store, features)
    pairs = {tuple(sorted((number, placed["touches"]))) for number, placed in enumerate(objects) if _touches(placed)}
    return Room(
        truth,
        {level: _superpoints_of(file.regions(level, held.superpoint), held.superpoint) for level in LEVELS},
        tuple((a, b) for a, b in sorted(pairs) if min(truth.size[[a, b]]) >= FEWEST),
        relations,
        held.points.xyz,
        held.superpoint,
        scene.up_axis,
    )


def _touches(placed: dict[str, Any]) -> bool:
    return placed.get("touches") is not None


def _superpoints_of(region: NDArray[np.int32], superpoint: NDArray[np.int32]) -> dict[int, NDArray[np.int64]]:
    pairs = np.unique(np.stack([region, superpoint], axis=1)[region >= 0], axis=0)
    numbers, first = np.unique(pairs[:, 0], return_index=True)
    return {
        int(number): part[:, 1].astype(np.int64)
        for number, part in zip(numbers, np.split(pairs, first[1:]), strict=True)
    }
