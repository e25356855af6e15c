"""A scene as files for other programs, its points in the dataset's own order."""

import colorsys
import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.features import LEVELS, Level
from ...core.files import replacing
from ...core.scene import PointCloud
from ..catalog.catalog import FeatureSetInfo, RegionInfo, SceneInfo, features_file, load_points
from ..catalog.crop_sets import load_crops
from ..catalog.regions import regions as regions_of_scene
from ..files.glb_writer import write_glb
from ..files.ply_writer import write_ply
from ..files.stored_points import StoredPoints
from ..postgres.database import Database

_GOLDEN = 0.618033988749895  # steps of the golden ratio around the colour circle keep neighbours apart


def export_ply(
    store: Database,
    scene: SceneInfo,
    path: Path,
    features: FeatureSetInfo | None = None,
    level: Level | None = None,
    only: RegionInfo | None = None,
    more: Mapping[str, NDArray[np.generic]] = MappingProxyType({}),
) -> int:
    """The cloud, or mesh, in its own colours or in those of its regions; returns the number of points.

    With `only`, those of one region of `features`.

    Labels, instances, superpoints and, where `features` are given, objects go along as columns of each vertex, and
    `more` columns, which are in the store's order. Comments of the header name the labels: "label 5 chair".
    """
    held, points, regions = _held(store, scene, features)
    more = {name: held.to_scan(column) for name, column in more.items()}
    if only is not None:
        rows = _rows_of(only, regions)
        points, regions = _some(points, rows), {name: of_point[rows] for name, of_point in regions.items()}
        more = {name: column[rows] for name, column in more.items()}
    columns = {"label": points.labels, "instance": points.instances, **regions, **more}
    rgb = points.rgb if level is None else region_colours(regions[level])
    present = {name: column for name, column in columns.items() if column is not None}
    names = [f"label {number} {name}" for number, name in sorted(points.label_names.items())]
    write_ply(path, points.xyz, rgb, points.normals, points.faces, present, names)
    return len(points)


def export_glb(
    store: Database,
    scene: SceneInfo,
    path: Path,
    features: FeatureSetInfo | None = None,
    level: Level | None = None,
    only: RegionInfo | None = None,
    colours: NDArray[np.uint8] | None = None,
) -> int:
    """The cloud, or mesh, in its own colours, those of its regions, or in `colours`, which are in the store's order.

    With `only`, the points of one region of `features`. Returns the number of points.
    """
    held, points, regions = _held(store, scene, features)
    rgb = points.rgb if level is None else region_colours(regions[level])
    if colours is not None:
        rgb = held.to_scan(colours)
    if only is not None:
        rows = _rows_of(only, regions)
        points, rgb = _some(points, rows), None if rgb is None else rgb[rows]
    write_glb(path, scene.full_name, points.xyz, rgb, points.normals, points.faces, scene.up_axis)
    return len(points)


def export_npz(store: Database, scene: SceneInfo, path: Path, features: FeatureSetInfo) -> int:
    """Points, vectors and regions as plain arrays (np.load needs no pickle); returns the number of points.

    xyz (N, 3), and where the scan has them rgb, normals, label, instance, faces; superpoint, object (N,) with -1 for
    points of objects nobody saw; superpoint_region, object_region (N,) the regions' ids in the store, -1 likewise;
    point_index (M,) ascending rows of xyz, vectors (M, C), view_count (M,); label_ids, label_names; about, JSON text.
    For features whose objects were described from crops: crop_object (K,), crop_count (K,), crop_vectors (K, C).
    """
    held, points, regions = _held(store, scene, features)
    found = held.features_to_scan(features_file(store, features).read())
    names = sorted(points.label_names.items())
    arrays = {
        "xyz": points.xyz, "rgb": points.rgb, "normals": points.normals, "label": points.labels,
        "instance": points.instances, "faces": points.faces,
        **regions,
        **{f"{level}_region": _region_ids(store, features, level, regions[level]) for level in LEVELS},
        "point_index": found.point_index, "vectors": found.vectors, "view_count": found.view_count,
        "label_ids": np.array([key for key, _ in names], np.int32),
        "label_names": np.array([name for _, name in names], np.str_),
        "about": np.array(json.dumps(_about(scene, features), ensure_ascii=False)),
        **_crops(store, features),
    }  # fmt: skip
    with replacing(path) as part, open(part, "wb") as file:
        np.savez(file, allow_pickle=False, **{name: array for name, array in arrays.items() if array is not None})
    return len(points)


def region_colours(ordinal: NDArray[np.int32]) -> NDArray[np.uint8]:
    """(N, 3) a colour for each region, the same at each call; grey where there is none (-1)."""
    count = int(ordinal.max(initial=-1)) + 1
    hsv = [
        (number * _GOLDEN % 1, 0.55 + 0.3 * (number % 2), 0.95 - 0.25 * (number % 3 == 2)) for number in range(count)
    ]
    palette = np.array([colorsys.hsv_to_rgb(*colour) for colour in hsv] + [(0.5, 0.5, 0.5)])  # row -1 is the last
    return (palette[ordinal] * 255).round().astype(np.uint8)


def _held(
    store: Database, scene: SceneInfo, features: FeatureSetInfo | None
) -> tuple[StoredPoints, PointCloud, dict[str, NDArray[np.int32]]]:
    """What the store holds, and in the scan's order the cloud and the region of each point.

    Regions are superpoints, and objects for a feature set.
    """
    held = load_points(store, scene.id)
    regions = {"superpoint": held.to_scan(held.superpoint)}
    if features is not None:
        regions["object"] = features_file(store, features).regions("object", regions["superpoint"])
    return held, held.in_scan_order(), regions


def _rows_of(region: RegionInfo, regions: Mapping[str, NDArray[np.int32]]) -> NDArray[np.intp]:
    """The points of a region, or of a thing, which is a union of superpoints."""
    if region.level == "thing":
        return np.flatnonzero(np.isin(regions["superpoint"], region.superpoints))
    return np.flatnonzero(regions[region.level] == region.ordinal)


def _some(points: PointCloud, rows: NDArray[np.integer]) -> PointCloud:
    """These points, and the faces that all three corners of are among them."""
    number = np.full(len(points), -1, np.int32)
    number[rows] = np.arange(len(rows), dtype=np.int32)

    def of_rows(column: NDArray[Any] | None) -> NDArray[Any] | None:
        return None if column is None else column[rows]

    faces = None if points.faces is None else number[points.faces]
    return PointCloud(
        points.xyz[rows],
        rgb=of_rows(points.rgb),
        normals=of_rows(points.normals),
        labels=of_rows(points.labels),
        label_names=points.label_names,
        instances=of_rows(points.instances),
        faces=None if faces is None else faces[(faces >= 0).all(axis=1)],
    )


def _region_ids(
    store: Database, features: FeatureSetInfo, level: Level, ordinal: NDArray[np.int32]
) -> NDArray[np.int64]:
    ids = np.full(int(ordinal.max()) + 2, -1, np.int64)  # the last row answers -1
    for region in regions_of_scene(store, features.scene_id, level):
        if region.feature_set_id == features.id:
            ids[region.ordinal] = region.id
    return ids[ordinal]


def _crops(store: Database, features: FeatureSetInfo) -> dict[str, NDArray[Any]]:
    crops = load_crops(store, features.id, features.space)
    if not len(crops.ordinal):
        return {}
    return {"crop_object": crops.ordinal, "crop_count": crops.crop_count, "crop_vectors": crops.vectors}


def _about(scene: SceneInfo, features: FeatureSetInfo) -> dict[str, Any]:
    return {
        "dataset": scene.dataset,
        "scene": scene.name,
        "units": "metres",
        "up_axis": scene.up_axis,
        "features": features.name,
        "space": features.space.key,
        "recipe": features.recipe,
    }
