"""A depth image drawn from the points themselves, for scans that come without one (LiDAR)."""

import numpy as np
from numpy.typing import NDArray

from ...core.scene import Camera
from ..compiled import COMPILED

WIDTH = 240  # pixels of the drawn image; splats are of that size or larger anyway
WIDEST = 24  # pixels of half-width; a point just before the lens covers no more


def splat_depth(
    xyz: NDArray[np.float64], camera: Camera, world_to_camera: NDArray[np.float64], radius: float
) -> tuple[Camera, NDArray[np.float64]]:
    """The camera drawn for and its depth image (h, w) in metres, 0 where no point fell.

    Each point is a square facing the camera, `radius` metres to each side: about the distance between points, or
    what lies behind shows through.
    """
    width = min(WIDTH, camera.width)
    small = camera.resized(width, max(1, round(camera.height * width / camera.width)))
    local = xyz @ world_to_camera[:3, :3].T + world_to_camera[:3, 3]
    local = local[local[:, 2] > 0]
    z = local[:, 2]
    with np.errstate(over="ignore", invalid="ignore"):
        column = np.rint(small.fx * local[:, 0] / z + small.cx)
        row = np.rint(small.fy * local[:, 1] / z + small.cy)
        half_width = np.minimum(np.rint(radius * max(abs(small.fx), abs(small.fy)) / z), WIDEST)
    near = (np.abs(column - small.width / 2) <= small.width / 2 + half_width) & (
        np.abs(row - small.height / 2) <= small.height / 2 + half_width
    )
    buffer = np.full((small.height, small.width), np.inf)
    whole = (column[near].astype(np.int64), row[near].astype(np.int64), z[near], half_width[near].astype(np.int64))
    if COMPILED:
        from .visibility_kernels import draw

        draw(*whole, buffer)
    else:
        draw_numpy(*whole, buffer)
    return small, np.where(np.isfinite(buffer), buffer, 0)


def draw_numpy(
    column: NDArray[np.int64],
    row: NDArray[np.int64],
    z: NDArray[np.float64],
    half_width: NDArray[np.int64],
    buffer: NDArray[np.float64],
) -> None:
    """The plain twin of `visibility_kernels.draw`: the squares one offset at a time."""
    height, width = buffer.shape
    widest = int(half_width.max(initial=0))
    for down in range(-widest, widest + 1):
        for right in range(-widest, widest + 1):
            r, c = row + down, column + right
            inside = (half_width >= max(abs(down), abs(right))) & (r >= 0) & (r < height) & (c >= 0) & (c < width)
            np.minimum.at(buffer, (r[inside], c[inside]), z[inside])
