"""A scene of the store as OpenScene's files, features included: what `ovstore ingest openscene` takes in again."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ....core.errors import BadInput
from ....core.names import file_name
from ....core.scene import Scene
from ....store.catalog import catalog
from ....store.catalog.catalog import FeatureSetInfo, SceneInfo
from ....store.postgres.database import Database
from ...compat.openscene import kind_of_format
from ...preprocess import Classes
from ...report import Report, quiet
from .files import write_features
from .layout import SPLITS, Kind, kind_of
from .scene import write_scene


@dataclass(frozen=True)
class Exported:
    """The files of one scene."""

    points: Path
    point_count: int
    frame_count: int
    features: Path | None
    feature_count: int


def kind_of_scene(scene: SceneInfo) -> Kind:
    """Which of OpenScene's datasets a scene is of, unless a person says otherwise."""
    if scene.format != "openscene":
        return kind_of_format(scene.format)
    folder = Path(scene.source).parent
    return kind_of(folder.parent if folder.name in SPLITS else folder)


def export_scene(
    store: Database,
    scene: SceneInfo,
    out: Path,
    kind: Kind,
    classes: Classes,
    features: FeatureSetInfo | None = None,
    report: Report = quiet,
) -> Exported:
    """Points, pictures and, where `features` are given, one file of fused features for the whole scene."""
    held = catalog.load_points(store, scene.id)
    points = held.in_scan_order()
    frames = catalog.load_frames(store, scene.id)
    paths = [path for frame in frames for path in (frame.image_path, frame.depth_path) if path is not None]
    if missing := [path for path in paths if not path.is_file()]:
        raise BadInput(
            f"{len(missing)} images of {scene.full_name} are no longer where they were, such as {missing[0]}"
        )
    whole = Scene(scene.name, frames, points, scene.source, scene.split, scene.up_axis, points_only=not frames)
    labels, names = classes(points)
    fused = None
    if features is not None:
        found = held.features_to_scan(catalog.load_features(store, scene.id, features.name))
        covered = np.zeros(len(points), bool)
        covered[found.point_index] = True
        folder = out / f"{kind}_multiview_{re.sub('[^A-Za-z0-9._-]+', '_', features.name)}"
        folder.mkdir(parents=True, exist_ok=True)
        fused = folder / file_name(scene.name, ".pt" if kind == "nuscenes" else "_0.pt")
        write_features(fused, covered, found.vectors, numpy_mask=kind == "nuscenes")
    path = write_scene(out, kind, whole, labels, names, report=report)
    return Exported(path, len(points), len(frames), fused, 0 if features is None else features.point_count)
