"""The scenes that are searched, each with one feature set of one name and space, as a search takes them."""

from collections.abc import Sequence
from dataclasses import dataclass

from ...core.errors import BadInput
from ...core.features import EmbeddingSpace, Vectors
from ...core.wording import counted
from ...store.catalog import catalog
from ...store.catalog.catalog import FeatureSetInfo, SceneInfo
from ...store.catalog.crop_sets import crop_sets
from ...store.postgres.database import Database
from ..sources import choose
from ..wording import left_out


@dataclass(frozen=True)
class Collection:
    """Scenes and their feature sets, in the same order."""

    store: Database
    scenes: tuple[SceneInfo, ...]
    sets: tuple[FeatureSetInfo, ...]
    only: tuple[str, ...]  # what restricts a search to these scenes; empty when it needs no restriction
    notes: tuple[str, ...] = ()
    vectors: Vectors = "fused"  # of the objects

    @property
    def name(self) -> str:
        """Of the feature sets."""
        return self.sets[0].name

    @property
    def space(self) -> EmbeddingSpace:
        """Of their vectors."""
        return self.sets[0].space


def collect(store: Database, scenes: Sequence[SceneInfo], wanted: str | None, vectors: Vectors = "fused") -> Collection:
    """Those of the scenes that have the features that `wanted` means; BadInput when a search could not ask them.

    Objects without a vector from crops cannot be asked for by crops alone, but then they all have to be described.
    """
    chosen = choose(store, scenes, wanted)
    if any(len(sets) > 1 for sets in chosen.sets.values()):
        raise BadInput(f"{chosen.title} has no regions of its own and cannot be searched: choose one of the two.")
    held = tuple(scene for scene in scenes if scene.id in chosen.sets)
    sets = tuple(chosen.sets[scene.id][0] for scene in held)
    names = sorted({found.name for found in sets})
    if len(names) > 1:
        raise BadInput(f"A search uses features of one name, but these are {', '.join(names)}: choose one of them.")
    all_of_them = sum(found.name == names[0] and found.space == sets[0].space for found in catalog.feature_sets(store))
    only = () if all_of_them == len(sets) else tuple(scene.full_name for scene in held)
    if vectors != "fused":
        _require_crops(store, sets)
    return Collection(store, held, sets, only, left_out(chosen.without, f"features {chosen.title}"), vectors)


def _require_crops(store: Database, sets: Sequence[FeatureSetInfo]) -> None:
    described = crop_sets(store)
    missing = [found for found in sets if found.id not in described]
    if missing:
        raise BadInput(
            f"{missing[0].dataset}/{missing[0].scene} has no vectors from crops ({counted(len(missing), 'scene')} of "
            f"{len(sets)} without): ovstore describe --features {missing[0].name}"
        )
