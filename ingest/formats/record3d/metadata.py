"""The member `metadata` of an .r3d: JSON with sizes, intrinsics and a pose for each frame.

    w, h, dw, dh                    pixels of images and of depth
    K                               9 numbers column by column, of the first frame's image
    perFrameIntrinsicCoeffs         fx, fy, cx, cy of each frame's image            (newer versions)
    poses                           qx qy qz qw px py pz of each frame
    frameTimestamps                 seconds                                         (newer versions)

Poses map the camera to the world and cameras have OpenGL's axes (y up, z backward), as the app's author says.
"""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....core.errors import BadScene
from ...files.images import MAX_PIXELS
from ...files.intrinsics import Intrinsics
from ...files.poses import from_opengl_axes, rotation_of_quaternions

_LONG = 0.02  # of a quaternion's length from 1
_MOST_FRAMES = 1_000_000


@dataclass(frozen=True)
class Metadata:
    """What is known of each frame; frame n is row n."""

    camera_to_world: NDArray[np.float64]  # (N, 4, 4) with OpenCV's axes; not finite where the pose is missing
    intrinsics: NDArray[np.float64]  # (N, 4) fx, fy, cx, cy of the image, as written
    seconds: NDArray[np.float64]  # (N,) nan where there is none
    size: tuple[int, int]  # of the image
    depth_size: tuple[int, int]

    def intrinsics_of(self, row: int) -> Intrinsics:
        """About the image; the principal point is written from the image's corner, as ARKit does."""
        fx, fy, cx, cy = self.intrinsics[row].tolist()
        return Intrinsics(fx, fy, cx - 0.5, cy - 0.5, *self.size)


def parsed(content: bytes) -> Metadata:
    """From the member's bytes; BadScene says which key is missing or wrong."""
    try:
        body = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BadScene(f"metadata: not JSON: {error}") from error
    if not isinstance(body, dict):
        raise BadScene("metadata: a JSON object was expected")
    if not body.get("poses"):
        raise BadScene("metadata: no 'poses'; recordings of the front camera may have none, and cannot be read")
    poses = _numbers("poses", body["poses"], 7)
    count = len(poses)
    matrix = _numbers("K", [body.get("K")], 9)[0]
    intrinsics = np.tile(matrix[[0, 4, 6, 7]], (count, 1))
    if body.get("perFrameIntrinsicCoeffs"):
        own = _numbers("perFrameIntrinsicCoeffs", body["perFrameIntrinsicCoeffs"], 4)
        intrinsics[: len(own)] = own[:count]
    seconds = np.full(count, np.nan)
    if body.get("frameTimestamps"):
        written = _numbers("frameTimestamps", body["frameTimestamps"])
        seconds[: len(written)] = written[:count]
    return Metadata(_poses(poses), intrinsics, seconds, _size(body, "w", "h"), _size(body, "dw", "dh"))


def _numbers(key: str, rows: Any, *width: int) -> NDArray[np.float64]:
    """(N, width), or (N,) without one."""
    if isinstance(rows, list) and 0 < len(rows) <= _MOST_FRAMES:
        try:
            table = np.array(rows, np.float64)
        except (ValueError, TypeError, OverflowError):
            table = np.empty(0)
        if table.shape == (len(rows), *width):
            return table
    raise BadScene(f"metadata: {key!r} is not a list of {f'{width[0]} numbers each' if width else 'numbers'}")


def _size(body: dict[str, Any], *keys: str) -> tuple[int, int]:
    width, height = (body.get(key) for key in keys)
    if not (isinstance(width, int) and isinstance(height, int) and 0 < width * height <= MAX_PIXELS and width > 0):
        raise BadScene(f"metadata: {keys[0]!r} and {keys[1]!r} are {width} and {height}; a size in pixels was expected")
    return width, height


def _poses(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    length = np.linalg.norm(rows[:, :4], axis=1)
    usable = np.isfinite(rows).all(axis=1) & (np.abs(rows) < 1e6).all(axis=1) & (length > 0)
    for row in np.flatnonzero(usable & (np.abs(length - 1) > _LONG))[:1]:
        raise BadScene(f"metadata: the quaternion of pose {row} has length {length[row]:.4g}; 1 was expected")
    matrices = np.full((len(rows), 4, 4), np.nan)
    matrices[usable] = np.eye(4)
    matrices[usable, :3, :3] = rotation_of_quaternions(rows[usable, :4] / length[usable, None])
    matrices[usable, :3, 3] = rows[usable, 4:]
    return from_opengl_axes(matrices)
