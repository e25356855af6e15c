"""Camera poses from text and .npy files, one a file or a whole trajectory.

    4 rows of 4, or 3 rows of 4      one pose; in a trajectory one block after another
    12 or 16 numbers a line          a pose a line, row by row (KITTI, Replica)
    7 numbers a line                 tx ty tz qx qy qz qw
    8 numbers a line                 timestamp tx ty tz qx qy qz qw (TUM)
    3 integers, then 4 rows of 4     Open3D's .log
    .npy                             (4, 4), (3, 4), (N, 4, 4) or (N, 3, 4)

Poses come back as (4, 4) float64, just as the file says: non-finite ones (lost tracking) are not left out, so that a
pose's position still tells which image it belongs to.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...store.errors import BadScene
from ...store.scene import Frame
from .arrays import map_npy
from .numbers_text import read_rows

_KNOWN = (
    "expected 4 rows of 4, 12 or 16 numbers a line, 'tx ty tz qx qy qz qw' with or without a timestamp before it, "
    "or an Open3D .log"
)
_QUATERNION_TOLERANCE = 0.02  # of its length from 1; files carry as few as three decimals


@dataclass(frozen=True)
class Trajectory:
    """Poses in the order of the file."""

    matrices: NDArray[np.float64]  # (N, 4, 4); rows that are not finite are frames without tracking
    timestamps: tuple[float, ...] | None = None  # seconds, one a pose
    style: str = ""  # what the file was recognised as, for people

    def __len__(self) -> int:
        return len(self.matrices)


def read_pose(path: Path) -> NDArray[np.float64]:
    """(4, 4) the only pose of a file."""
    trajectory = read_trajectory(path)
    if len(trajectory) != 1:
        raise BadScene(f"{path}: {len(trajectory)} poses ({trajectory.style}); one was expected")
    return trajectory.matrices[0]


def read_trajectory(path: Path) -> Trajectory:
    """All poses of a file; its format is known by the shape of its rows."""
    if path.suffix.lower() == ".npy":
        return Trajectory(_checked(path, _read_npy(path)), style="npy")
    rows = read_rows(path)
    widths = {len(row) for row in rows}
    timestamps = None
    if widths == {3, 4}:
        matrices, style = _open3d_log(path, rows), "Open3D log"
    elif widths == {4}:
        matrices, style = _blocks(path, np.array(rows)), "blocks of rows"
    elif widths in ({12}, {16}):
        matrices, style = np.array(rows).reshape(len(rows), -1, 4), f"{widths.pop()} numbers a line"
    elif widths == {7}:
        matrices, style = _from_quaternions(path, np.array(rows)), "translation and quaternion"
    elif widths == {8}:
        matrices, style = _from_quaternions(path, np.array(rows)[:, 1:]), "timestamp, translation and quaternion"
        timestamps = tuple(row[0] for row in rows)
    else:
        found = ", ".join(str(width) for width in sorted(widths)[:5])
        raise BadScene(f"{path}: lines of {found} numbers are no poses; {_KNOWN}")
    return Trajectory(_checked(path, matrices), timestamps, style)


def inverted(matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 4, 4) the inverse of each; those that have none become nan."""
    inverse = np.full_like(matrices, np.nan)
    usable = np.flatnonzero(np.isfinite(matrices).all(axis=(1, 2)))
    usable = usable[np.abs(np.linalg.det(matrices[usable])) > 1e-12]
    inverse[usable] = np.linalg.inv(matrices[usable])
    return inverse


def from_opengl_axes(matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 4, 4) camera-to-world of cameras with y up and z backward, as of ones with y down and z forward."""
    return matrices * np.array([1.0, -1.0, -1.0, 1.0])


def rotation_of_quaternions(xyzw: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 3, 3) rotations of (N, 4) unit quaternions x, y, z, w."""
    x, y, z, w = xyzw.T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), -1, 0)


def _read_npy(path: Path) -> NDArray[np.float64]:
    array = map_npy(path)
    if array.ndim not in (2, 3) or array.shape[-2:] not in ((4, 4), (3, 4)):
        raise BadScene(
            f"{path}: {array.dtype} of shape {array.shape}; poses are (4, 4), (3, 4), (N, 4, 4) or (N, 3, 4)"
        )
    return np.array(array, dtype=np.float64).reshape(-1, *array.shape[-2:])


def _open3d_log(path: Path, rows: list[list[float]]) -> NDArray[np.float64]:
    widths = [len(row) for row in rows]
    if len(rows) % 5 or widths != [3, 4, 4, 4, 4] * (len(rows) // 5):
        raise BadScene(f"{path}: looks like an Open3D .log (3 integers, then 4 rows of 4), but is cut short or mixed")
    return np.array([row for row in rows if len(row) == 4]).reshape(-1, 4, 4)


def _blocks(path: Path, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows of 4: blocks of 4 where each fourth is 0 0 0 1 (or lost), else blocks of 3."""
    ends = rows[3::4]
    full = len(rows) % 4 == 0 and (_is_bottom(ends) | ~np.isfinite(ends).any(axis=1)).all()
    if not full and len(rows) % 3 == 0:
        return rows.reshape(-1, 3, 4)
    if len(rows) % 4:
        raise BadScene(f"{path}: {len(rows)} rows of 4 numbers; poses have 4 rows each, or 3")
    return rows.reshape(-1, 4, 4)


def _from_quaternions(path: Path, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(over="ignore"):
        length = np.linalg.norm(rows[:, 3:], axis=1)
    known = np.isfinite(rows[:, 3:]).all(axis=1)
    for row in np.flatnonzero(known & ~(np.abs(length - 1) < _QUATERNION_TOLERANCE))[:1]:
        raise BadScene(f"{path}: the quaternion of pose {row + 1} has length {length[row]:.4g}; 1 was expected")
    matrices = np.tile(np.eye(4), (len(rows), 1, 1))
    matrices[:, :3, :3] = rotation_of_quaternions(rows[:, 3:] / length[:, None])
    matrices[:, :3, 3] = rows[:, :3]
    return matrices


def _checked(path: Path, matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 4, 4), with the last row 0 0 0 1 that some formats leave out."""
    if matrices.shape[1] == 3:
        bottom = np.tile(np.array([[[0.0, 0.0, 0.0, 1.0]]]), (len(matrices), 1, 1))
        return np.concatenate([matrices, bottom], axis=1)
    tracked = np.isfinite(matrices).all(axis=(1, 2))
    wrong = np.flatnonzero(tracked & ~_is_bottom(matrices[:, 3]) & (matrices != 0).any(axis=(1, 2)))
    for row in wrong[:1]:
        hint = "; it seems to be transposed" if _is_bottom(matrices[row, :, 3][None])[0] else ""
        raise BadScene(f"{path}: pose {row + 1} ends with {matrices[row, 3].tolist()} instead of 0 0 0 1{hint}")
    return matrices


def _is_bottom(rows: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray((np.abs(rows - np.array([0.0, 0.0, 0.0, 1.0])) < 1e-4).all(axis=-1))


def up_axis_of(frames: Sequence[Frame]) -> str:
    """The axis of the world nearest to the pictures' mean up: "z", "-y" ..."""
    down = np.sum([frame.camera_to_world[:3, 1] * np.sign(frame.camera.fy) for frame in frames], axis=0)
    axis = int(np.abs(down).argmax())
    return ("" if down[axis] < 0 else "-") + "xyz"[axis]
