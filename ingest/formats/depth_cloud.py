"""Points for a scan that brings none: made from its frames' depth, once the frames are seen to fit together."""

from collections.abc import Sequence
from typing import Any

from ...store.errors import BadScene
from ...store.scene import Frame, PointCloud
from ..checks import check_frames
from .depth_points import points_from_depth


def depth_cloud(
    name: str, frames: Sequence[Frame], options: Any, min_pixels: int = 2, max_depth: float | None = None
) -> tuple[PointCloud, str]:
    """Points one a voxel of `options.voxel_size` metres from all frames that have depth, and a finding."""
    with_depth = [frame for frame in frames if frame.depth_path is not None]
    if not with_depth:
        raise BadScene(f"{name}: neither a mesh nor depth to make points from")
    try:
        proper, _ = check_frames(with_depth, options)
    except BadScene as error:
        raise BadScene(f"{name}: {error}") from error
    points = points_from_depth(proper, options.voxel_size, min_pixels, max_depth)
    return points, f"points: fused from depth, one a voxel of {options.voxel_size:g} m"
