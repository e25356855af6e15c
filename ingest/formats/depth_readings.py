"""Depth pictures as readings: where they lie in the camera, and which of them are one surface with their neighbours."""

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadScene
from ...core.scene import Camera, Frame

JUMP = 0.05  # share of the reading by which a neighbouring pixel may differ


def back_project(depth: NDArray[np.float32], camera: Camera) -> NDArray[np.float64]:
    """(H, W, 3) metres in the camera; all 0 where there is no reading."""
    z = depth.astype(np.float64)
    x = (np.arange(camera.width) - camera.cx) / camera.fx * z
    y = ((np.arange(camera.height) - camera.cy) / camera.fy)[:, None] * z
    return np.stack([x, y, z], axis=2)


def smooth(depth: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(H, W) where a reading and its four neighbours lie on one surface; never on the picture's edge."""
    centre = depth[1:-1, 1:-1]
    near = centre > 0
    for neighbour in (depth[:-2, 1:-1], depth[2:, 1:-1], depth[1:-1, :-2], depth[1:-1, 2:]):
        near &= np.abs(neighbour - centre) <= JUMP * centre
    usable = np.zeros(depth.shape, bool)
    usable[1:-1, 1:-1] = near
    return usable


def require_shape(frame: Frame, what: str, shape: tuple[int, ...], camera: Camera) -> None:
    if shape[:2] != (camera.height, camera.width):
        raise BadScene(
            f"frame {frame.name}: its {what} has {shape[1]}x{shape[0]} pixels; "
            f"its camera says {camera.width}x{camera.height}"
        )
