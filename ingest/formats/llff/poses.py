"""poses_bounds.npy of LLFF: a camera and the depth of what it sees, one row per image.

(N, 17): a (3, 5) matrix row by row, then the nearest and the farthest depth of the view. The matrix's columns are the
camera's axes in the world, down, right and backwards, its centre, and (height, width, focal length in pixels) of the
pictures. The principal point is their middle, pixels are square, no lens bends. Facts: the README of Fyusion/LLFF.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ....core.arrays import map_npy
from ....core.errors import BadScene
from ....core.scene import Camera

COLUMNS = 17
MAX_VIEWS = 1_000_000
_SAME_SHAPE = 0.02  # by which width : height of a picture and of its camera may differ when the picture was scaled


@dataclass(frozen=True)
class Views:
    """All rows, in the order of the pictures' names."""

    path: Path
    camera_to_world: NDArray[np.float64]  # (N, 4, 4) OpenCV axes, the file's units; not finite where it has no pose
    height_width_focal: NDArray[np.float64]  # (N, 3) pixels
    bounds: NDArray[np.float64]  # (N, 2) nearest and farthest depth, the file's units

    def __len__(self) -> int:
        return len(self.camera_to_world)

    def camera(self, row: int, width: int, height: int) -> Camera:
        """The camera of a picture of this size, which may be another than when the focal length was found."""
        stored_height, stored_width, focal = self.height_width_focal[row].tolist()
        if not (stored_height >= 1 and stored_width >= 1 and 0 < focal < 1e9):
            raise BadScene(
                f"{self.path}: view {row} has height, width, focal length = {stored_height:g}, {stored_width:g}, "
                f"{focal:g}; numbers of pixels were expected"
            )
        sx, sy = width / stored_width, height / stored_height
        if abs(sx / sy - 1) > _SAME_SHAPE:
            turned = " (is it stored rotated?)" if (stored_width > stored_height) != (width > height) else ""
            raise BadScene(
                f"{self.path}: view {row} has {stored_width:g}x{stored_height:g} pixels, its image "
                f"{width}x{height}{turned}"
            )
        return Camera(width, height, focal * sx, focal * sy, (width - 1) / 2, (height - 1) / 2)


def read_poses_bounds(path: Path) -> Views:
    """The rows of a file."""
    array = map_npy(path)
    if array.ndim != 2 or array.shape[1] != COLUMNS or not 0 < len(array) <= MAX_VIEWS:
        raise BadScene(f"{path}: an array of shape {array.shape}; (number of images, {COLUMNS}) was expected")
    rows = np.array(array, np.float64)
    matrices = rows[:, :15].reshape(-1, 3, 5)
    down, right, back, centre = (matrices[:, :, column] for column in range(4))
    camera_to_world = np.tile(np.eye(4), (len(rows), 1, 1))
    camera_to_world[:, :3] = np.stack([right, down, -back, centre], axis=2)
    return Views(path, camera_to_world, matrices[:, :, 4], rows[:, 15:])
