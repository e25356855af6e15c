"""Pictures as another camera in the same place would have taken them, for formats that prescribe the camera."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ...core.scene import Camera

T = TypeVar("T", bound=np.generic)


def registered(pixels: NDArray[T], camera: Camera, other: Camera) -> NDArray[T]:
    """(H, W, ...) of `other`, the nearest pixel of `camera`'s picture each; 0 beyond its edges.

    Cameras without skew see the same rays in the same rows and columns, so both axes are looked up on their own.
    """
    column = np.rint((np.arange(other.width) - other.cx) / other.fx * camera.fx + camera.cx).astype(int)
    row = np.rint((np.arange(other.height) - other.cy) / other.fy * camera.fy + camera.cy).astype(int)
    inside = ((row >= 0) & (row < camera.height))[:, None] & ((column >= 0) & (column < camera.width))
    picked = pixels[row.clip(0, camera.height - 1)[:, None], column.clip(0, camera.width - 1)]
    picked[~inside] = 0
    return picked
