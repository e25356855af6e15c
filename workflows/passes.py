"""Features looked at in several passes: points placed at random, fused vectors looked up, students asked anew."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..core.errors import BadInput
from ..core.scene import PointCloud
from ..core.wording import counted
from ..evaluation.points.evaluated import EvaluatedFeatures
from ..evaluation.points.voting import Pass, VotedFeatures, VoxelVectors
from ..models.placements import random_placements
from ..models.voxels import Placement, VoxelGrid, voxelise
from ..store.catalog import catalog
from ..store.catalog.catalog import FeatureSetInfo, SceneInfo
from ..store.postgres.database import Database

if TYPE_CHECKING:
    from ..ingest.training.students import Student

_LIDAR = {"nuscenes", "semantickitti"}  # formats
Look = Callable[[Placement, VoxelGrid], VoxelVectors]


def in_passes(
    evaluated: EvaluatedFeatures, passes: int, seed: int, voxel_size: float | None, run: Path | None, device: str
) -> VotedFeatures:
    """The same features, scored by the sum of `passes`; BadInput where the student of a distilled set is not at hand.

    `voxel_size` is in metres; None: the student's, else by the kind of scan. `run` is the student's weights, or the
    folder of its training.
    """
    students = _students(evaluated, run)
    sizes = {scene.id: voxel_size or _voxel_size(scene, evaluated, students) for scene in evaluated.scenes}

    def of_scene(scene: SceneInfo) -> Iterator[Pass]:
        held = catalog.load_points(evaluated.store, scene.id)
        points = held.in_scan_order()  # a voxel is represented by its lowest point in the scan's own order
        looks = [
            _computed(students[found.id], points, device) if found.id in students
            else _looked_up(evaluated.store, found, held.scan_order)
            for found in evaluated.chosen.sets[scene.id]
        ]  # fmt: skip
        for placement in random_placements(sizes[scene.id], passes, seed, scene.name):
            grid = voxelise(points.xyz, placement)
            yield Pass(held.to_stored(grid.voxel_of_point), tuple(look(placement, grid) for look in looks))

    cells = " or ".join(f"{size:g}" for size in sorted(set(sizes.values())))
    note = (
        f"{counted(passes, 'pass', 'es')}, randomly placed (seed {seed}), voxels of {cells} m; the "
        "scores of a point's voxels are summed."
    )
    return VotedFeatures(
        evaluated.store,
        evaluated.scenes,
        evaluated.chosen,
        evaluated.texts,
        evaluated.asked_with,
        (note, *evaluated.notes),
        passes=of_scene,
        count=passes,
    )


def _looked_up(store: Database, found: FeatureSetInfo, order: NDArray[np.integer]) -> Look:
    """A voxel has the vector of the point that stands for it; `order` is each point's row in the store."""
    features = catalog.load_features(store, found.scene_id, found.name)
    row_of_point = np.full(len(order), -1, np.int64)
    row_of_point[features.point_index] = np.arange(len(features.point_index))

    def look(placement: Placement, grid: VoxelGrid) -> VoxelVectors:
        rows = row_of_point[order[grid.representative]]
        present = rows >= 0
        vectors = np.zeros((len(rows), found.space.dim), np.float16)
        vectors[present] = features.vectors[rows[present]]
        return VoxelVectors(vectors, present)

    return look


def _computed(student: "Student", points: PointCloud, device: str) -> Look:
    """A voxel has the vector that the student gives it."""
    from ..models.devices import device_of
    from ..models.training.inference import voxel_vectors

    place = device_of(device)
    network = student.network.to(place)

    def look(placement: Placement, grid: VoxelGrid) -> VoxelVectors:
        _, vectors = voxel_vectors(network, points.xyz, points.rgb, student.options, place, placement)
        return VoxelVectors(vectors.astype(np.float16), np.ones(len(vectors), np.bool_))

    return look


def _students(evaluated: EvaluatedFeatures, run: Path | None) -> "dict[int, Student]":
    """Of the distilled sets, by their ids; a student that made several is loaded once."""
    distilled = [found for sets in evaluated.chosen.sets.values() for found in sets if found.source == "distilled"]
    if not distilled:
        if run is not None:
            raise BadInput(
                f"--run names a student, and {evaluated.chosen.title} was not made by a student: leave it out."
            )
        return {}
    from ..ingest.training.students import student_of

    loaded: dict[str, Student] = {}
    for found in distilled:
        if "student" not in found.recipe:
            raise BadInput(f"{found.name!r} of {found.dataset}/{found.scene} has no student to run for --passes.")
        digest = found.recipe["student"]["weights"]
        if digest not in loaded:
            loaded[digest] = student_of(evaluated.store, found, run)
    return {found.id: loaded[found.recipe["student"]["weights"]] for found in distilled}


def _voxel_size(scene: SceneInfo, evaluated: EvaluatedFeatures, students: "dict[int, Student]") -> float:
    """Metres: the students', else by the kind of scan."""
    of_students = {
        students[found.id].options.voxel_size for found in evaluated.chosen.sets[scene.id] if found.id in students
    }
    if len(of_students) > 1:
        sizes = " and ".join(f"{size:g}" for size in sorted(of_students))
        raise BadInput(
            f"The students of {evaluated.chosen.title} use voxels of {sizes} m; --passes requires one voxel size."
        )
    return next(iter(of_students), 0.05 if scene.format in _LIDAR else 0.02)
