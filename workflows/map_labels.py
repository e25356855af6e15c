"""How the labels of scans fall into the classes of a label set."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..evaluation.labels import label_files
from ..evaluation.labels.label_map import map_labels
from ..evaluation.labels.label_set import LabelSet
from ..store.catalog import catalog, loading
from ..store.postgres.database import Database


@dataclass(frozen=True)
class MappedScenes:
    """What became of all points of some scenes."""

    label_set: LabelSet
    scenes: int
    uses: Mapping[tuple[str, int | None], int]  # points by label and class: -1 ignored, None unknown
    unlabelled: int  # points

    def to_dict(self) -> dict[str, Any]:
        """Most points first; what `ovstore labels map --json` prints."""
        ordered = sorted(self.uses.items(), key=lambda use: (-use[1], use[0][0]))
        by_class = [
            [(label, points) for (label, index), points in ordered if index == i]
            for i in range(len(self.label_set.classes))
        ]
        return {
            "set": self.label_set.name,
            "scenes": self.scenes,
            "points": sum(self.uses.values()) + self.unlabelled,
            "unlabelled": self.unlabelled,
            "classes": [
                {
                    "id": each.id,
                    "name": each.name,
                    "points": sum(points for _, points in labels),
                    "labels": dict(labels),
                }
                for each, labels in zip(self.label_set.classes, by_class, strict=True)
            ],
            "ignored": {label: points for (label, index), points in ordered if index is not None and index < 0},
            "unknown": [
                {"label": label, "points": points, "near": self.label_set.near(label)}
                for (label, index), points in ordered
                if index is None
            ],
        }


def map_labels_of(
    store: Database, labels: str, scenes: Sequence[str] | None = None, table: Path | None = None
) -> MappedScenes:
    """The points of the named scenes, or of all, by class; a scene named twice counts once."""
    label_set = label_files.load(labels, table)
    found = catalog.scenes(store) if scenes is None else [catalog.find_scene(store, scene) for scene in scenes]
    held = {scene.id: scene for scene in found}
    uses: Counter[tuple[str, int | None]] = Counter()
    unlabelled = 0
    for scene in held.values():
        numbers, names = loading.load_labels(store, scene.id)
        if numbers is None:
            unlabelled += scene.point_count
            continue
        mapped = map_labels(label_set, numbers, names)
        unlabelled += mapped.unlabelled
        for use in mapped.uses:
            uses[use.label, use.index] += use.point_count
    return MappedScenes(label_set, len(held), uses, unlabelled)
