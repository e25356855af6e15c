"""Predictions of a supervised student for scenes that it is not trained on, compared with their labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from ..core.scene import PointCloud
from ..evaluation.labels.label_map import map_labels
from ..evaluation.labels.label_set import LabelSet
from ..evaluation.points.benchmark_files import prediction_path, write_prediction
from ..evaluation.points.metrics import confusion, score
from ..ingest.training.supervised import own_points, predict
from ..models.training.options import TrainingOptions
from ..store.catalog.catalog import SceneInfo
from ..store.postgres.database import Database


@dataclass(frozen=True)
class SupervisedValidation:
    """In the classes of one label set."""

    store: Database
    label_set: LabelSet
    options: TrainingOptions  # of the training

    def classes(self, points: PointCloud) -> NDArray[np.int32]:
        """(N,) by the points' own labels, -1 for none."""
        if points.labels is None:
            return np.full(len(points), -1, np.int32)
        return map_labels(self.label_set, points.labels, points.label_names).index

    def figures(
        self, network: nn.Module, scenes: Sequence[SceneInfo], passes: int | None = None, folder: Path | None = None
    ) -> dict[str, float]:
        """mIoU and mAcc over the classes that occur, all scenes pooled. Predictions are written into `folder`."""
        count = len(self.label_set.classes)
        counts = np.zeros((count, count + 1), np.int64)
        for scene in scenes:
            points = own_points(self.store, scene)
            predicted = predict(network, points, self.options, scene.name, passes)
            counts += confusion(self.classes(points), predicted, count)
            if folder is not None:
                write_prediction(prediction_path(folder, scene.name), predicted, self.label_set)
        scores = score(counts, "wrong")
        return {"mIoU": scores.mean_iou("present"), "mAcc": scores.mean_accuracy("present")}
