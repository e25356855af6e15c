"""What is evaluated: feature sets asked with the words of classes, or files of predictions."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core.errors import NotFound
from ...core.number_lines import read_whole_numbers
from ...core.regular import is_file
from ...core.wording import counted
from ...store.catalog import catalog
from ...store.catalog.catalog import FeatureSetInfo, SceneInfo
from ...store.postgres.database import Database
from ..labels.label_set import LabelSet
from ..sources import Chosen
from ..wording import left_out
from .benchmark_files import classes_by_number, classes_of_ids, prediction_path
from .decide import ClassTexts, Decision, decide, ensemble


@dataclass(frozen=True)
class Prediction:
    """The class of each point in the store's order, and for an ensemble whose it is."""

    index: NDArray[np.int32]  # (N,) -1 for none
    from_first: NDArray[np.bool_] | None = None  # (N,) where the first of two feature sets was taken
    seen: NDArray[np.bool_] | None = None  # (N,) whether a frame saw the point; None where nobody knows
    by_number: NDArray[np.int32] | None = None  # (N,) the classes if a file's label ids were numbers of classes from 0


@dataclass(frozen=True)
class EvaluatedFeatures:
    """Feature sets, one a scene or the two of an ensemble."""

    store: Database
    scenes: tuple[SceneInfo, ...]
    chosen: Chosen
    texts: ClassTexts
    asked_with: str
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What a table calls them."""
        return self.chosen.title

    def predict(self, scene: SceneInfo) -> Prediction:
        """The best class of each point."""
        first, *others = (self._decide(scene, found) for found in self.chosen.sets[scene.id])
        if not others:
            return Prediction(first.index, seen=self._seen(scene))
        together, from_first = ensemble(first, others[0], self.texts.half)
        return Prediction(together.index, from_first, self._seen(scene))

    def _decide(self, scene: SceneInfo, found: FeatureSetInfo) -> Decision:
        return decide(catalog.features_file(self.store, found).blocks(), scene.point_count, self.texts)

    def _seen(self, scene: SceneInfo) -> NDArray[np.bool_]:
        files = (catalog.features_file(self.store, found) for found in self.chosen.sets[scene.id])
        return np.logical_or.reduce([file.view_counts(scene.point_count) > 0 for file in files])


@dataclass(frozen=True)
class EvaluatedFiles:
    """A folder of predictions in the benchmark's format."""

    store: Database
    scenes: tuple[SceneInfo, ...]
    folder: Path
    label_set: LabelSet
    notes: tuple[str, ...] = ()
    asked_with: str = ""

    @property
    def title(self) -> str:
        """What a table calls them."""
        return str(self.folder)

    def predict(self, scene: SceneInfo) -> Prediction:
        """What the scene's file says."""
        ids = read_whole_numbers(prediction_path(self.folder, scene.name), scene.point_count, "label id")
        ids = ids[catalog.points_file(self.store, scene).original_index()]
        return Prediction(classes_of_ids(ids, self.label_set), by_number=classes_by_number(ids, self.label_set))


def evaluated_files(store: Database, scenes: Sequence[SceneInfo], folder: Path, label_set: LabelSet) -> EvaluatedFiles:
    """The scenes that have a file, with a note on those that have none; NotFound when no scene has one."""
    found = tuple(scene for scene in scenes if is_file(prediction_path(folder, scene.name)))
    if not found:
        raise NotFound(
            f"{folder} has no file for any of {counted(len(scenes), 'scene')}, such as {scenes[0].name}.txt."
        )
    missing = [scene.full_name for scene in scenes if scene not in found]
    return EvaluatedFiles(store, found, folder, label_set, left_out(missing, "a file of predictions"))
