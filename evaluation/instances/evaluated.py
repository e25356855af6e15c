"""What is evaluated by instances: the regions of feature sets, or files of masks."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput
from ...core.features import Level
from ...core.instance_lists import read_list, read_masks
from ...store.catalog import catalog
from ...store.catalog.catalog import SceneInfo
from ...store.catalog.regions import load_regions
from ...store.files.stored_points import StoredPoints
from ..labels.label_set import LabelSet
from ..points.benchmark_files import prediction_path
from ..points.decide import decide
from ..points.evaluated import EvaluatedFeatures, EvaluatedFiles
from .files import claims_of, write_instances
from .instances import Claims, Instances, Overlap, overlap_of_masks, overlap_of_regions


@dataclass(frozen=True)
class Scan:
    """A scene with its truth; points are in the store's order."""

    scene: SceneInfo
    held: StoredPoints
    instances: Instances


@dataclass(frozen=True)
class EvaluatedRegions:
    """The regions of one feature set a scene; each claims to be what the closest words say."""

    source: EvaluatedFeatures
    level: Level

    def __post_init__(self) -> None:
        if any(len(sets) > 1 for sets in self.source.chosen.sets.values()):
            raise BadInput(
                f"{self.source.title} has no {self.level}s of its own: instances are evaluated for one feature set."
            )

    @property
    def title(self) -> str:
        """What a table calls them."""
        return f"{self.level}s of {self.source.title}"

    def overlap(self, scan: Scan) -> Overlap:
        """Of the regions that have a vector."""
        return overlap_of_regions(scan.instances, *self._regions(scan))

    def write(self, folder: Path, scan: Scan, label_set: LabelSet) -> None:
        """Files as ScanNet's benchmark takes them."""
        of_point, claims = self._regions(scan)
        write_instances(folder, scan.scene.name, scan.held.to_scan(of_point), claims, label_set)

    def _regions(self, scan: Scan) -> tuple[NDArray[np.int64], Claims]:
        """(N,) the row of each point's region, -1 for none, and what the regions claim to be."""
        store = self.source.store
        [found] = self.source.chosen.sets[scan.scene.id]
        regions = load_regions(store, found.id, found.space, self.level)
        rows = np.arange(len(regions.regions), dtype=np.int32)
        ordinal = catalog.features_file(store, found).regions(self.level, scan.held.superpoint)
        row_of = np.full(int(ordinal.max(initial=0)) + 2, -1)  # the last answers -1
        row_of[[region.ordinal for region in regions.regions]] = rows
        decision = decide([(rows, regions.vectors)], len(rows), self.source.texts)
        return row_of[ordinal], Claims(decision.index, decision.score.astype(np.float64))


@dataclass(frozen=True)
class EvaluatedMasks:
    """A folder in the benchmark's format."""

    source: EvaluatedFiles

    @property
    def title(self) -> str:
        """What a table calls them."""
        return f"masks in {self.source.folder}"

    def overlap(self, scan: Scan) -> Overlap:
        """Of all masks that the scene's file lists."""
        listed = read_list(prediction_path(self.source.folder, scan.scene.name))
        of_point = scan.held.to_scan(scan.instances.of_point)
        instances = Instances(of_point, scan.instances.index)
        return overlap_of_masks(instances, read_masks(listed, len(of_point)), claims_of(listed, self.source.label_set))
