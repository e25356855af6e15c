"""The cameras of a Matterport3D house: undistorted_camera_parameters/HOUSE.conf.

    n_images 2358
    intrinsics_matrix 1076.45 0 631.116  0 1077.19 509.202  0 0 1
    scan DEPTH.png COLOR.jpg  16 numbers: camera-to-world, row by row, y up and z backward

Intrinsics hold for the scans that follow them. Their cy counts from the bottom row of the picture, as the release's
data_organization.md says: matterport_camera_intrinsics has 513.798 from the top for the camera above, and 513.798 +
509.202 is 1023, the last row's number. OpenScene reads it as if it counted from the top.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ....core.errors import BadScene
from ....core.scene import Camera
from ...files.poses import from_opengl_axes
from ...files.whole import read_text

YOrigin = Literal["bottom", "top"]  # which row of pixels is 0 for cy
MAX_BYTES = 1 << 26  # the largest house has a few thousand lines of 250 bytes


@dataclass(frozen=True)
class HouseCameras:
    """One row a picture, in the order of the file."""

    color: tuple[str, ...]  # file names
    depth: tuple[str, ...]
    intrinsics: NDArray[np.float64]  # (M, 4) fx, fy, cx, cy as the file has them, finite and fx, fy other than 0
    camera_to_world: NDArray[np.float64]  # (M, 4, 4) y down, z forward; may be non-finite
    promised: int | None  # n_images

    def __len__(self) -> int:
        return len(self.color)

    def camera(self, row: int, width: int, height: int, y_origin: YOrigin) -> Camera:
        """The camera of one picture of that size."""
        fx, fy, cx, cy = self.intrinsics[row].tolist()
        return Camera(width, height, fx, fy, cx, height - 1 - cy if y_origin == "bottom" else cy)


def read_conf(path: Path) -> HouseCameras:
    """All cameras of a house."""
    color, depth, intrinsics, matrices = [], [], [], []
    current, promised = None, None
    for number, line in enumerate(read_text(path, MAX_BYTES).splitlines(), start=1):
        match line.split():
            case ["n_images", count] if count.isdecimal() and len(count) < 10:
                promised = int(count)
            case ["intrinsics_matrix", *words]:
                fx, _, cx, _, fy, cy, *_ = _numbers(path, number, line, words, 9)
                current = (fx, fy, cx, cy)
                if not np.isfinite(current).all() or 0 in (fx, fy):
                    raise BadScene(
                        f"{path}, line {number}: intrinsics {current}; finite numbers were expected, fx and fy not 0"
                    )
            case ["scan", *words]:
                if current is None:
                    raise BadScene(f"{path}, line {number}: a scan before any intrinsics_matrix")
                matrices.append(_numbers(path, number, line, words[2:], 16))
                depth.append(words[0])
                color.append(words[1])
                intrinsics.append(current)
    if not matrices:
        raise BadScene(f"{path}: no line 'scan DEPTH.png COLOR.jpg' with the 16 numbers of a camera-to-world")
    camera_to_world = np.array(matrices).reshape(-1, 4, 4)
    tracked = np.isfinite(camera_to_world).all(axis=(1, 2))
    if (np.abs(camera_to_world[tracked, 3] - [0, 0, 0, 1]) > 1e-6).any():
        raise BadScene(f"{path}: a camera-to-world whose last row is not 0 0 0 1")
    return HouseCameras(tuple(color), tuple(depth), np.array(intrinsics), from_opengl_axes(camera_to_world), promised)


def _numbers(path: Path, number: int, line: str, words: list[str], count: int) -> list[float]:
    try:
        values = [float(word) for word in words]
    except ValueError:
        values = []
    if len(values) != count:
        raise BadScene(f"{path}, line {number}: {line.strip()[:60]!r} does not end with {count} numbers")
    return values
