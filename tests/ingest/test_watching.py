"""Those who watch a student: the picture and the figures they come to."""

from pathlib import Path

import numpy as np
import pytest
import small_scene
import torch
from numpy.typing import NDArray
from ovstore.evaluation.labels.label_set import LabelClass, LabelSet
from ovstore.evaluation.points.decide import ClassTexts
from ovstore.ingest.training.teachers import lesson
from ovstore.ingest.training.validation_callbacks import Watched, validation
from ovstore.models.sparse.layers import SparseTensor
from ovstore.models.training.options import Options
from ovstore.store.catalog import catalog
from ovstore.store.postgres.database import Store
from ovstore.workflows.validation_images import Labelling, Samples
from PIL import Image
from torch import nn

SMALL = small_scene.make()
CLASSES = LabelSet(
    "mine", "", "", "", "", "", None,
    tuple(LabelClass(name, i + 1, (i, i, i)) for i, name in enumerate(("chair", "table", "Sofa für zwei"))), {},
)  # fmt: skip


@pytest.fixture
def scene(store: Store) -> catalog.SceneInfo:
    SMALL.publish(store)
    return catalog.find_scene(store, "room")


def watched(scene: catalog.SceneInfo, vectors: NDArray[np.float16], epoch: int = 3) -> Watched:
    return Watched(epoch, scene, SMALL.scene.points, SMALL.features, vectors)


def test_labels_are_judged_over_all_scenes_since_the_last_figures(scene: catalog.SceneInfo) -> None:
    judge = Labelling(CLASSES, ClassTexts(np.eye(3, 16, dtype=np.float32), np.arange(3)))
    labels = SMALL.scene.points.labels
    assert labels is not None
    right = np.eye(3, 16, dtype=np.float16)[np.maximum(labels, 0)]
    judge.look(watched(scene, right))
    assert judge.figures() == {"mIoU": 1.0, "mAcc": 1.0}
    assert judge.figures() == {}
    wrong = right[:, [2, 0, 1, *range(3, 16)]]
    judge.look(watched(scene, right))
    judge.look(watched(scene, wrong))
    figures = judge.figures()
    assert figures["mAcc"] == pytest.approx(0.5)
    counts = np.bincount(labels[labels >= 0])
    union = 2 * counts + counts[[2, 0, 1]]  # truth twice, and what is wrongly taken for it
    assert figures["mIoU"] == pytest.approx((counts / union).mean())


def test_the_first_scene_is_drawn_once_an_epoch(scene: catalog.SceneInfo, tmp_path: Path) -> None:
    judge = Samples(tmp_path / "samples")
    everywhere = np.tile(SMALL.features.vectors[:1], (small_scene.POINTS, 1))
    same = everywhere.copy()
    same[SMALL.features.point_index] = SMALL.features.vectors
    judge.look(watched(scene, same))
    judge.look(watched(scene, everywhere))  # the second scene of the epoch
    assert sorted(path.name for path in (tmp_path / "samples").iterdir()) == ["epoch_0003.ply", "epoch_0003.png"]
    panels = np.asarray(Image.open(tmp_path / "samples" / "epoch_0003.png").convert("RGB"))[:480].reshape(480, 3, -1, 3)
    grey = (panels[:, 1] == 190).all(axis=2)  # no frame saw these points
    np.testing.assert_array_equal(panels[:, 2][~grey], panels[:, 1][~grey])
    assert judge.figures() == {}


def test_the_cosine_is_the_mean_over_taught_points_and_told(store: Store) -> None:
    SMALL.publish(store)
    held = lesson(store, catalog.chosen_scenes(store, (), ()), "toy", None, "val", 0)

    class Along(nn.Module):
        """Always the first axis."""

        def __init__(self) -> None:
            super().__init__()
            self.axis = nn.Parameter(torch.eye(1, 16))

        def forward(self, tensor: SparseTensor) -> SparseTensor:
            return tensor.with_features(self.axis.expand(len(tensor.features), -1))

    told = []
    validate = validation(held.taught, Options(voxel_size=0.5), (), lambda *figures: told.append(figures))
    with torch.no_grad():
        figures = validate(Along(), 7)
    assert figures == {"cosine": pytest.approx(float(SMALL.features.vectors[:, 0].astype(np.float64).mean()), abs=1e-3)}
    assert told == [(7, figures)]
