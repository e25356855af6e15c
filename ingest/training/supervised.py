"""The supervised baseline: a student that learns classes from the labels of points, and names those of others."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from ...core.errors import BadInput
from ...core.scene import PointCloud
from ...models.placements import random_placements
from ...models.training.inference import point_vectors
from ...models.training.options import TrainingOptions
from ...models.training.scenes import TrainingScene, TrainingSource
from ...store.catalog import catalog
from ...store.catalog.catalog import SceneInfo
from ...store.postgres.database import Database
from .run import TrainingRun

Classify = Callable[[PointCloud], NDArray[np.integer]]  # (N,) classes from 0 by the points' labels, -1 for none


def training_run_of(
    classes: Sequence[str], student: str, student_options: Any, options: TrainingOptions, folder: Path
) -> TrainingRun:
    """A student of the classes, in their order."""
    if options.loss != "cross_entropy":
        raise BadInput(
            f"loss is {options.loss!r}, which is for vectors; use 'cross_entropy' for classes, as in --config "
            "mink_scannet."
        )
    return TrainingRun(student, student_options, len(classes), {"classes": list(classes)}, options, folder)


def own_points(store: Database, scene: SceneInfo) -> PointCloud:
    """The scene's points in the scan's own order, in which the lowest point of a voxel stands for it."""
    return catalog.load_points(store, scene.id).in_scan_order()


def source(store: Database, scene: SceneInfo, classify: Classify) -> TrainingSource:
    """What training is shown: all points of the scene, and the classes of those that have one."""
    return TrainingSource(scene.full_name, partial(_taught, store, scene, classify))


def _taught(store: Database, scene: SceneInfo, classify: Classify) -> TrainingScene:
    points = own_points(store, scene)
    classes = classify(points)
    labelled = np.flatnonzero(classes >= 0)
    return TrainingScene(scene.full_name, points.xyz, points.rgb, labelled, classes[labelled].astype(np.int64))


def predict(
    network: nn.Module, points: PointCloud, options: TrainingOptions, scene: str, passes: int | None = None
) -> NDArray[np.int32]:
    """(N,) the class that the network gives most, where it is; ties go to the first.

    `passes`: the scores of so many random placements are summed, as OpenScene does; None: the scene as it stands.
    """
    device = next(network.parameters()).device
    placements = [None] if passes is None else random_placements(options.voxel_size, passes, options.seed, scene)
    scores = sum(point_vectors(network, points.xyz, points.rgb, options, device, each) for each in placements)
    return np.asarray(scores).argmax(axis=1).astype(np.int32)
