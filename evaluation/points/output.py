"""What an evaluation leaves on disk of each scene, its points in the dataset's own order."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core.files import replacing
from ...core.names import file_name
from ...store.catalog import catalog
from ...store.catalog.catalog import FeatureSetInfo
from ...store.postgres.database import Database
from ..labels.label_set import LabelSet
from .benchmark_files import prediction_path, write_prediction
from .clouds import write_clouds
from .run import PointEvaluation


def keep_prediction(store: Database, folder: Path, label_set: LabelSet, outcome: PointEvaluation) -> None:
    """SCENE.txt as ScanNet's benchmark takes it."""
    held = catalog.load_points(store, outcome.scene.id)
    path = prediction_path(folder, outcome.scene.name)
    write_prediction(path, held.to_scan(outcome.predicted), label_set)


def keep_clouds(store: Database, folder: Path, label_set: LabelSet, outcome: PointEvaluation) -> None:
    """SCENE_input.ply and its kin."""
    held = catalog.load_points(store, outcome.scene.id)
    truth, predicted = held.to_scan(outcome.truth), held.to_scan(outcome.predicted)
    write_clouds(folder, outcome.scene.name, held.in_scan_order(), truth, predicted, label_set)


def keep_vectors(store: Database, folder: Path, sets: tuple[FeatureSetInfo, ...], outcome: PointEvaluation) -> None:
    """SCENE_openscene_feat_fusion.npy (distill, ensemble), as OpenScene and its viewer name it.

    (N, C) float16, zeros for points without a vector. An ensemble's vectors are those chosen for these classes.
    """
    made = "ensemble" if len(sets) > 1 else "distill" if sets[0].source == "distilled" else "fusion"
    original_index = catalog.points_file(store, outcome.scene).original_index()
    with replacing(folder / file_name(outcome.scene.name, f"_openscene_feat_{made}.npy")) as part:
        shape = (len(original_index), sets[0].space.dim)
        rows = np.lib.format.open_memmap(part, mode="w+", dtype=np.float16, shape=shape)
        for place, found in enumerate(sets):
            for point_index, vectors in catalog.features_file(store, found).blocks():
                taken = _taken(outcome.prediction.from_first, place, point_index)
                rows[original_index[point_index[taken]]] = vectors[taken]
        rows.flush()


def _taken(
    from_first: NDArray[np.bool_] | None, place: int, point_index: NDArray[np.int32]
) -> NDArray[np.bool_] | slice:
    """Which of these points take the vector of the set in that place."""
    return slice(None) if from_first is None else from_first[point_index] == (place == 0)
