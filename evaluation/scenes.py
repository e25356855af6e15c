"""Scenes of the store that are evaluated: which they are, and their truth."""

from collections.abc import Sequence

from ..core.errors import BadInput, NotFound
from ..core.wording import counted
from ..store.catalog import catalog, loading
from ..store.catalog.catalog import SceneInfo
from ..store.postgres.database import Database
from .labels.label_map import MappedLabels, map_labels
from .labels.label_set import LabelSet


def select(
    store: Database, split: str | None = None, datasets: Sequence[str] = (), names: Sequence[str] = ()
) -> list[SceneInfo]:
    """Those that meet all conditions, by dataset and name; NotFound when none does.

    BadInput for two scenes of one name, whose files would be one.
    """
    held = catalog.chosen_scenes(store, datasets, names)
    splits = sorted({scene.split for scene in held if scene.split is not None})
    found = [scene for scene in held if split in (None, scene.split)]
    if not found:
        raise NotFound(
            f"None of {counted(len(held), 'scene')} is in split {split!r}. Their splits: {', '.join(splits) or 'none'}."
        )
    by_name: dict[str, SceneInfo] = {}
    for scene in found:
        if by_name.setdefault(scene.name, scene) is not scene:
            raise BadInput(
                f"{by_name[scene.name].full_name} and {scene.full_name} have the same name: choose one with --dataset."
            )
    return found


def truth_of(store: Database, scene: SceneInfo, label_set: LabelSet) -> MappedLabels | None:
    """The scene's own labels as classes, in the store's order of points; None where no point has one."""
    labels, names = loading.load_labels(store, scene.id)
    if labels is None:
        return None
    mapped = map_labels(label_set, labels, names)
    return mapped if (mapped.index >= 0).any() else None
