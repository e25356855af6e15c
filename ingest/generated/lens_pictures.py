"""Pictures as a lens with distortion in the same place would have taken them."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ...store.scene import Camera
from ..lenses import Lens, undistort

T = TypeVar("T", bound=np.generic)


def through(lens: Lens, pixels: NDArray[T], camera: Camera) -> NDArray[T]:
    """(H, W, ...) of the lens, the nearest pixel of `camera`'s picture each; 0 beyond its edges."""
    rows, columns = np.mgrid[: lens.height, : lens.width]
    rays = undistort(lens, np.stack([columns.ravel(), rows.ravel()], axis=1).astype(np.float64))
    uv = np.nan_to_num(rays * [camera.fx, camera.fy] + [camera.cx, camera.cy], nan=-1.0)
    column, row = np.rint(np.clip(uv, -1, [camera.width, camera.height])).astype(int).T
    inside = (column >= 0) & (column < camera.width) & (row >= 0) & (row < camera.height)
    made = np.zeros((len(uv), *pixels.shape[2:]), pixels.dtype)
    made[inside] = pixels[row[inside], column[inside]]
    return made.reshape(lens.height, lens.width, *pixels.shape[2:])
