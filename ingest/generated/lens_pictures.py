"""Pictures as a lens with distortion in the same place would have taken them."""

from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ...core.scene import Camera
from ..cameras.lenses import Lens, undistort

T = TypeVar("T", bound=np.generic)


def through(lens: Lens, pixels: NDArray[T], camera: Camera) -> NDArray[T]:
    """(H, W, ...) of the lens, the nearest pixel of `camera`'s picture each; 0 beyond its edges."""
    uv = np.nan_to_num(_rays(lens) * [camera.fx, camera.fy] + [camera.cx, camera.cy], nan=-1.0)
    column, row = np.rint(np.clip(uv, -1, [camera.width, camera.height])).astype(int).T
    inside = (column >= 0) & (column < camera.width) & (row >= 0) & (row < camera.height)
    made = np.zeros((len(uv), *pixels.shape[2:]), pixels.dtype)
    made[inside] = pixels[row[inside], column[inside]]
    return made.reshape(lens.height, lens.width, *pixels.shape[2:])


@lru_cache(maxsize=2)
def _rays(lens: Lens) -> NDArray[np.float64]:
    """(H * W, 2) the ray of each pixel."""
    rows, columns = np.mgrid[: lens.height, : lens.width]
    return undistort(lens, np.stack([columns.ravel(), rows.ravel()], axis=1).astype(np.float64))
