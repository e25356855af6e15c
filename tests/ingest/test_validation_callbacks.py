"""Validation callbacks: the images that they draw and the figures that they give."""

from pathlib import Path

import numpy as np
import pytest
import small_scene
import torch
from numpy.typing import NDArray
from ovstore.evaluation.labels.label_set import LabelClass, LabelSet
from ovstore.evaluation.points.decide import ClassTexts
from ovstore.ingest.training.teachers import training_set
from ovstore.ingest.training.validation_callbacks import ScenePrediction, validation
from ovstore.models.sparse.layers import SparseTensor
from ovstore.models.training.options import TrainingOptions
from ovstore.store.catalog import catalog
from ovstore.store.postgres.database import Database
from ovstore.workflows.validation_images import LabelAccuracy, SampleImages
from PIL import Image
from torch import nn

SMALL = small_scene.make()
CLASSES = LabelSet(
    "mine", "", "", "", "", "", None,
    tuple(LabelClass(name, i + 1, (i, i, i)) for i, name in enumerate(("chair", "table", "Sofa für zwei"))), {},
)  # fmt: skip


@pytest.fixture
def scene(store: Database) -> catalog.SceneInfo:
    SMALL.publish(store)
    return catalog.find_scene(store, "room")


def predicted(scene: catalog.SceneInfo, vectors: NDArray[np.float16], epoch: int = 3) -> ScenePrediction:
    return ScenePrediction(epoch, scene, SMALL.scene.points, SMALL.features, vectors)


def test_labels_are_compared_over_all_scenes_since_the_last_figures(scene: catalog.SceneInfo) -> None:
    callback = LabelAccuracy(CLASSES, ClassTexts(np.eye(3, 16, dtype=np.float32), np.arange(3)))
    labels = SMALL.scene.points.labels
    assert labels is not None
    right = np.eye(3, 16, dtype=np.float16)[np.maximum(labels, 0)]
    callback.update(predicted(scene, right))
    assert callback.figures() == {"mIoU": 1.0, "mAcc": 1.0}
    assert callback.figures() == {}
    wrong = right[:, [2, 0, 1, *range(3, 16)]]
    callback.update(predicted(scene, right))
    callback.update(predicted(scene, wrong))
    figures = callback.figures()
    assert figures["mAcc"] == pytest.approx(0.5)
    counts = np.bincount(labels[labels >= 0])
    union = 2 * counts + counts[[2, 0, 1]]  # truth twice, and what is wrongly taken for it
    assert figures["mIoU"] == pytest.approx((counts / union).mean())


def test_the_first_scene_is_drawn_once_an_epoch(scene: catalog.SceneInfo, tmp_path: Path) -> None:
    callback = SampleImages(tmp_path / "samples")
    everywhere = np.tile(SMALL.features.vectors[:1], (small_scene.POINTS, 1))
    same = everywhere.copy()
    same[SMALL.features.point_index] = SMALL.features.vectors
    callback.update(predicted(scene, same))
    callback.update(predicted(scene, everywhere))  # the second scene of the epoch
    assert sorted(path.name for path in (tmp_path / "samples").iterdir()) == ["epoch_0003.ply", "epoch_0003.png"]
    panels = np.asarray(Image.open(tmp_path / "samples" / "epoch_0003.png").convert("RGB"))[:480].reshape(480, 3, -1, 3)
    grey = (panels[:, 1] == 190).all(axis=2)  # no frame saw these points
    np.testing.assert_array_equal(panels[:, 2][~grey], panels[:, 1][~grey])
    assert callback.figures() == {}


def test_the_cosine_is_the_mean_over_taught_points_and_told(store: Database) -> None:
    SMALL.publish(store)
    held = training_set(store, catalog.chosen_scenes(store, (), ()), "toy", None, "val", 0)

    class Along(nn.Module):
        """Always the first axis."""

        def __init__(self) -> None:
            super().__init__()
            self.axis = nn.Parameter(torch.eye(1, 16))

        def forward(self, tensor: SparseTensor) -> SparseTensor:
            return tensor.with_features(self.axis.expand(len(tensor.features), -1))

    told = []
    validate = validation(held.training, TrainingOptions(voxel_size=0.5), (), lambda *figures: told.append(figures))
    with torch.no_grad():
        figures = validate(Along(), 7)
    assert figures == {"cosine": pytest.approx(float(SMALL.features.vectors[:, 0].astype(np.float64).mean()), abs=1e-3)}
    assert told == [(7, figures)]
