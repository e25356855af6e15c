"""Validation of a student: its vectors of scenes that it is not trained on, compared with their published features."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ...core.features import PointFeatures
from ...core.scene import PointCloud
from ...models.training.loop import Validate
from ...models.training.options import TrainingOptions
from ...models.training.scenes import naming
from ...store.catalog.catalog import SceneInfo
from .student_vectors import unit_vectors
from .teachers import Teacher

Tell = Callable[[int, Mapping[str, float]], None]  # epoch, figures

_ROWS_AT_ONCE = 1 << 15


@dataclass(frozen=True)
class ScenePrediction:
    """A validation scene after an epoch; points are in the store's order."""

    epoch: int
    scene: SceneInfo
    points: PointCloud
    published: PointFeatures
    vectors: NDArray[np.float16]  # (N, C) the student's, unit length


class ValidationCallback(Protocol):
    """Sees every validation scene after an epoch, and gives figures over all of them."""

    def update(self, predicted: ScenePrediction) -> None:
        """With one scene."""

    def figures(self) -> dict[str, float]:
        """Of the scenes since the last call."""


def validation(
    teachers: Sequence[Teacher],
    options: TrainingOptions,
    callbacks: Sequence[ValidationCallback] = (),
    tell: Tell = lambda epoch, figures: None,
) -> Validate:
    """What training calls: the callbacks' figures, and "cosine", the mean between student and published vectors.

    `tell` hears them too.
    """

    def validate(network: nn.Module, epoch: int) -> dict[str, float]:
        device = next(network.parameters()).device
        total, count = 0.0, 0
        for teacher in teachers:
            with naming(teacher.scene.full_name):
                predicted = _predict(network, epoch, teacher, options, device)
            total += _cosines(predicted)
            count += len(predicted.published.point_index)
            for callback in callbacks:
                callback.update(predicted)
        figures = {name: value for callback in callbacks for name, value in callback.figures().items()}
        figures["cosine"] = total / count
        tell(epoch, figures)
        return figures

    return validate


def _predict(
    network: nn.Module, epoch: int, teacher: Teacher, options: TrainingOptions, device: torch.device
) -> ScenePrediction:
    held = teacher.points_file.read()
    vectors = unit_vectors(network, options, held, device)
    return ScenePrediction(epoch, teacher.scene, held.points, teacher.features_file.read(), vectors)


def _cosines(predicted: ScenePrediction) -> float:
    """Their sum over the points that have published vectors; those may be shorter than 1."""
    total, index = 0.0, predicted.published.point_index
    for start in range(0, len(index), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        published = predicted.published.vectors[rows].astype(np.float32)
        cosine = np.einsum("ij,ij->i", published, predicted.vectors[index[rows]].astype(np.float32))
        total += float((cosine / np.maximum(np.linalg.norm(published, axis=1), 1e-12)).sum())
    return total
