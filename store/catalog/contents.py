"""Content digests: what a scene and a feature set hold, whatever the paths, machines and order of work behind them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.digests import ContentDigest
from ...core.features import Correspondence, CropVectors, RegionFeatures, SceneVectors
from ...core.scene import Camera, Frame, PointCloud
from ..files.columns import Columns
from ..files.parquet import point_columns


def geometry_content(
    points: PointCloud,
    superpoint: NDArray[np.int32],
    original_index: NDArray[np.int32],
    frames: Sequence[Frame],
    correspondences: Sequence[Correspondence],
    up_axis: str,
) -> str:
    """Points, mesh, labels, frames and what they see. Pictures count by name and camera, not by where they lie."""
    digest = ContentDigest()
    for name, column in point_columns(points, superpoint, original_index).items():
        digest.array(name, column)
    digest.array("faces", None if points.faces is None else np.asarray(points.faces, np.int32))
    digest.value("labels", sorted(points.label_names.items()))
    digest.value("up", up_axis)
    for frame in frames:
        digest.value("frame", [frame.name, float(frame.depth_scale), frame.timestamp, frame.depth_path is not None])
        digest.value("cameras", [camera_numbers(frame.camera), camera_numbers(frame.depth_camera)])
        digest.array("camera_to_world", frame.camera_to_world)
        digest.array("depth_to_color", frame.depth_to_color)
    for seen in sorted(correspondences, key=lambda seen: seen.frame):
        digest.value("sees", seen.frame)
        digest.array("point_index", np.asarray(seen.point_index, np.int32))
        digest.array("uv", np.asarray(seen.uv, np.float32))
        digest.array("depth", np.asarray(seen.depth, np.float32))
    return digest.hexdigest()


def features_content(columns: Columns, regions: Sequence[RegionFeatures], scene_vectors: SceneVectors) -> str:
    """Point vectors (the columns of a features file), regions of all levels, and the scene's own vectors."""
    digest = ContentDigest()
    for name, column in columns.items():
        digest.array(name, column)
    for of_level in sorted(regions, key=lambda of_level: of_level.level):
        _add_regions(digest, of_level)
    digest.array("mean", np.asarray(scene_vectors.mean, np.float16))
    digest.array("prototypes", np.asarray(scene_vectors.prototypes, np.float16))
    digest.array("weights", np.asarray(scene_vectors.prototype_weight, np.float32))
    return digest.hexdigest()


def crops_content(crops: CropVectors) -> str:
    """Vectors of objects from crops."""
    digest = ContentDigest()
    digest.array("ordinal", np.asarray(crops.ordinal, np.int32))
    digest.array("crop_count", np.asarray(crops.crop_count, np.int32))
    digest.array("vectors", np.asarray(crops.vectors, np.float16))
    return digest.hexdigest()


def camera_numbers(camera: Camera | None) -> list[float] | None:
    """width, height, fx, fy, cx, cy."""
    if camera is None:
        return None
    numbers = (camera.width, camera.height, camera.fx, camera.fy, camera.cx, camera.cy)
    return [float(number) for number in numbers]


def _add_regions(digest: ContentDigest, of_level: RegionFeatures) -> None:
    order = np.argsort([region.ordinal for region in of_level.regions], kind="stable")
    regions = [of_level.regions[row] for row in order]
    digest.value("level", of_level.level)
    digest.array("region_vectors", np.asarray(of_level.vectors[order], np.float16))
    digest.value("counts", [[int(r.ordinal), int(r.point_count), int(r.seen_count), r.label] for r in regions])
    for region in regions:
        box = region.oriented_box
        corners = (region.centre, region.box_min, region.box_max, box.centre, box.axes, box.size)
        digest.array("box", np.concatenate([np.asarray(part, np.float64).reshape(-1) for part in corners]))
    digest.array("radius", np.array([region.radius for region in regions], np.float32))
    views: list[Any] = [[[int(v.frame), int(v.visible_points)] for v in region.views] for region in regions]
    digest.value("views", views)
    boxes = [view.box_xyxy for region in regions for view in region.views]
    digest.array("view_boxes", np.array(boxes, np.float32).reshape(-1, 4))
