"""Whether points have the colours of the images where they fall: what wrong poses cannot fake where there is no depth.

Nothing tells which points are hidden, so the colours agree loosely even when all is right: they correlate by 0.64 to
0.99 in rooms and photographs with right poses, by at most 0.1 with wrong ones.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadScene
from ...core.scene import Frame, PointCloud
from ..files.images import read_image
from ..formats.selection import spread
from .depth_agreement import other_poses

ALIKE, UNLIKE = 0.5, 0.3  # correlation that another convention must reach to be named, and below which it is sought
_FRAMES, _POINTS, _ENOUGH = 8, 4000, 200
_SPREAD = 4.0  # grey levels; colours that differ less say nothing


def check_photographs(points: PointCloud, frames: Sequence[Frame], options: Any = None) -> list[str]:
    """A finding; BadScene where the colours of points and images agree under other poses, and not under these."""
    if points.rgb is None:
        return []
    frames = spread(frames, _FRAMES)
    poses = np.array([frame.camera_to_world for frame in frames])
    rows = np.linspace(0, len(points) - 1, min(len(points), _POINTS)).astype(np.int64)
    xyz, rgb = points.xyz[rows], points.rgb[rows].astype(np.float64)
    images = [read_image(frame.image_path) for frame in frames]
    as_read = _correlation(xyz, rgb, frames, images, poses)
    if as_read is None:
        return []
    said = f"colours of points and images correlate by {as_read:.2f}"
    if as_read >= UNLIKE:
        return [said]
    found = {other.name: _correlation(xyz, rgb, frames, images, other.poses) for other in other_poses(poses, options)}
    alike = {name: correlation for name, correlation in found.items() if correlation is not None}
    best = max(alike, key=lambda name: alike[name], default="")
    if best and alike[best] >= ALIKE:
        raise BadScene(f"{said}; they would by {alike[best]:.2f} {best}")
    return [f"{said}: poses, points or their colours may be wrong"]


def _correlation(
    xyz: NDArray[np.float64],
    rgb: NDArray[np.float64],
    frames: Sequence[Frame],
    images: Sequence[NDArray[np.uint8]],
    poses: NDArray[np.float64],
) -> float | None:
    """Of the points' colours and the pixels' that they fall on, over all frames; None where there is too little."""
    theirs, shown = [], []
    for frame, image, pose in zip(frames, images, poses, strict=True):
        camera = frame.camera
        local = (xyz - pose[:3, 3]) @ pose[:3, :3]
        ahead = np.flatnonzero(local[:, 2] > 1e-6)
        uv = local[ahead, :2] / local[ahead, 2:] * [camera.fx, camera.fy] + [camera.cx, camera.cy]
        last = np.array([image.shape[1], image.shape[0]]) - 0.5
        inside = (uv >= -0.5).all(axis=1) & (uv < last).all(axis=1)
        column, row = np.rint(uv[inside]).astype(np.int64).clip(0).T
        theirs.append(rgb[ahead[inside]])
        shown.append(image[row.clip(max=image.shape[0] - 1), column.clip(max=image.shape[1] - 1)].astype(np.float64))
    one, other = (np.concatenate(parts) for parts in (theirs, shown))
    if len(one) < _ENOUGH:
        return None
    one, other = one - one.mean(axis=0), other - other.mean(axis=0)
    scale = np.sqrt((one * one).mean() * (other * other).mean())
    return float((one * other).mean() / scale) if scale > _SPREAD**2 else None
