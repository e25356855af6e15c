"""A trained student predicts a vector for every point of a scene; they are published as a feature set."""

import time
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ...core.features import EmbeddingSpace, PointFeatures
from ...models.devices import device_of
from ...models.training.options import TrainingOptions
from ...store.catalog import catalog, jobs
from ...store.catalog.catalog import SceneInfo
from ...store.postgres.database import Database
from ...store.postgres.database import open as open_store
from .. import geometry, recipe
from ..fusion.point_views import view_counts
from ..publish_features import publish_with_regions
from ..regions.objects import ObjectOptions
from ..regions.pool import PoolOptions
from ..report import Report, quiet
from .student_vectors import random_passes, unit_vectors
from .students import Student, student_of_file


@dataclass(frozen=True)
class StudentInference:
    """Which student, in which embedding space, under which name. Pickles."""

    features: str  # the feature sets' name
    space: EmbeddingSpace
    encoding: dict[str, Any]  # "encoder" and "space" of its teachers' recipe
    weights: Path
    options: TrainingOptions  # how points are put to the student, and the seed of placements
    student: dict[str, Any]  # what the recipe says of it
    passes: int = 1  # 1: the scene as it stands
    objects: ObjectOptions = field(default_factory=ObjectOptions)
    pool: PoolOptions = field(default_factory=PoolOptions)

    def recipe(self, scene: SceneInfo) -> dict[str, Any]:
        """Everything that decides the scene's numbers."""
        return recipe.distilled(scene.geometry, self.encoding, self.student, self.objects, self.pool)


@dataclass(frozen=True)
class InferenceJob:
    """One scene to write. Pickles."""

    store: str  # the store's folder
    inference: StudentInference
    dataset: str
    scene: str
    device: str = "auto"
    again: bool = False  # do the work even where the store is up to date


@dataclass(frozen=True)
class InferenceSummary:
    """What became of one scene."""

    scene: str
    feature_set: int
    up_to_date: bool
    points: int
    unseen: int  # by any frame
    regions: int
    seconds: float


def inference_of(
    student: Student,
    features: str,
    space: EmbeddingSpace,
    encoding: dict[str, Any],
    taught_by: str | None,
    passes: int = 1,
) -> StudentInference:
    """BadWeights for a student whose vectors cannot be of `space`."""
    student.require_channels(space.dim, space.name)
    told = {
        "name": student.about.get("name"),
        "options": student.about.get("options"),
        "voxel_size": student.options.voxel_size,
        "inputs": student.options.inputs,
        "target": student.options.target,
        "weights": student.digest,
        "taught_by": taught_by,
        "passes": passes,
        **({"seed": student.options.seed} if passes > 1 else {}),
    }
    return StudentInference(features, space, encoding, student.path, student.options, told, passes)


def run(job: InferenceJob, report: Report = quiet) -> InferenceSummary:
    """Do the job in a store of its own."""
    with open_store(job.store, create=False) as store:
        return run_in(store, job, report)


def run_in(store: Database, job: InferenceJob, report: Report = quiet) -> InferenceSummary:
    """Do the job in a store that is open already; its row says how it ended, whatever ended it."""
    scene = catalog.find_scene(store, f"{job.dataset}/{job.scene}")
    started = jobs.start(store, job.dataset, job.scene, job.inference.recipe(scene))
    with jobs.failed_by_errors(store, started):
        summary = write_scene(store, job, scene, jobs.telling(store, started, report))
    jobs.finish(store, started, "up to date" if summary.up_to_date else f"{summary.regions:,} regions")
    return summary


def write_scene(store: Database, job: InferenceJob, scene: SceneInfo, report: Report = quiet) -> InferenceSummary:
    """Bring one scene's distilled feature set up to date; what is there already is kept, unless `job.again`."""
    started = time.monotonic()
    inference, made = job.inference, job.inference.recipe(scene)
    ready = catalog.ready_feature_set(store, scene.dataset, scene.name, inference.features, made)
    if ready is not None and not job.again:
        return InferenceSummary(scene.name, ready, True, scene.point_count, 0, 0, time.monotonic() - started)
    report("student", 0, 1)
    held = geometry.published(store, scene)
    device = device_of(job.device)
    vectors = unit_vectors(
        _student(str(inference.weights), inference.student["weights"], inference.options).network.to(device),
        inference.options,
        held.stored,
        device,
        random_passes(inference.options, inference.passes, scene.name),
    )
    report("student", 1, 1)
    view_count = view_counts(held.correspondences, len(held.points))
    everything = np.arange(len(held.points), dtype=np.int32)
    features = PointFeatures(inference.space, everything, vectors, view_count)
    published = publish_with_regions(
        store, held, inference.features, made, "distilled", features, inference.objects, inference.pool, report
    )
    return InferenceSummary(
        scene.name,
        published.feature_set,
        False,
        len(held.points),
        int((view_count == 0).sum()),
        published.region_count,
        time.monotonic() - started,
    )


@lru_cache(maxsize=1)
def _student(weights: str, digest: str, options: TrainingOptions) -> Student:
    """Loaded once a process; `digest` tells files of one name apart."""
    return student_of_file(Path(weights), options)
