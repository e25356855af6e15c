"""Camera poses from text and .npy files, one a file or a whole trajectory.

    4 rows of 4, or 3 rows of 4      one pose; in a trajectory one block after another
    12 or 16 numbers a line          a pose a line, row by row (KITTI, Replica)
    7 numbers a line                 tx ty tz qx qy qz qw
    8 numbers a line                 timestamp tx ty tz qx qy qz qw (TUM)
    13 or 17 numbers a line          a frame's number, then a pose row by row (KITTI-360)
    3 integers, then 4 rows of 4     Open3D's .log
    a line that names the columns    position and quaternion wherever it says (EuRoC), pose_rows.py
    .npy                             (4, 4), (3, 4), (N, 4, 4) or (N, 3, 4)

Each may begin with an image's name. Poses come back as (4, 4) float64, just as the file says: non-finite ones (lost
tracking) are not left out, so that a pose's position still tells which image it belongs to.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ...core.arrays import map_npy
from ...core.errors import BadScene
from ...core.scene import Frame
from .pose_rows import PoseRows, read_pose_rows

_KNOWN = (
    "expected 4 rows of 4, 12 or 16 numbers per line with or without a frame's number before them, 'tx ty tz qx qy "
    "qz qw' with or without a timestamp, or an Open3D .log"
)
QuaternionOrder = Literal["xyzw", "wxyz"]
_QUATERNION_TOLERANCE = 0.02  # of its length from 1; files carry as few as three decimals
_LATEST_FRAME = 1_000_000_000  # whole numbers beyond it are times
_TIME_UNITS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))  # times since 1970 beyond the first are in 1 / the second seconds


@dataclass(frozen=True)
class Trajectory:
    """Poses in the order of the file."""

    matrices: NDArray[np.float64]  # (N, 4, 4); rows that are not finite are frames without tracking
    timestamps: tuple[float, ...] | None = None  # seconds, one a pose
    style: str = ""  # what the file was recognised as, for people
    numbers: tuple[tuple[int, ...], ...] = ()  # columns that may be the frames' numbers, the likeliest first
    names: tuple[str, ...] | None = None  # of the images

    def __len__(self) -> int:
        return len(self.matrices)


def read_pose(path: Path, quaternion: QuaternionOrder = "xyzw") -> NDArray[np.float64]:
    """(4, 4) the only pose of a file."""
    trajectory = read_trajectory(path, quaternion)
    if len(trajectory) != 1:
        raise BadScene(f"{path}: {len(trajectory)} poses ({trajectory.style}); one was expected")
    return trajectory.matrices[0]


def read_trajectory(path: Path, quaternion: QuaternionOrder = "xyzw") -> Trajectory:
    """All poses of a file; its format is known by the shape of its rows, or by the line that names their columns."""
    if path.suffix.lower() == ".npy":
        return Trajectory(_checked(path, _read_npy(path)), style="npy")
    table = read_pose_rows(path)
    rows = table.rows
    widths = {len(row) for row in rows}
    if table.columns is not None and len(widths) == 1:
        return _named_columns(path, table, table.columns)
    keys: tuple[list[float], ...] = ()
    if widths == {3, 4}:
        matrices, style = _open3d_log(path, rows), "Open3D log"
        heads = [row for row in rows if len(row) == 3]
        keys = tuple([head[column] for head in heads] for column in (0, 2))
    elif widths == {4}:
        matrices, style = _blocks(path, np.array(rows)), "blocks of rows"
    elif widths in ({12}, {16}):
        matrices, style = np.array(rows).reshape(len(rows), -1, 4), f"{widths.pop()} numbers per line"
    elif widths in ({13}, {17}):
        matrices = np.array(rows)[:, 1:].reshape(len(rows), -1, 4)
        keys, style = ([row[0] for row in rows],), f"frame and {widths.pop() - 1} numbers per line"
    elif widths == {7}:
        matrices, style = _from_quaternions(path, np.array(rows), quaternion), "translation and quaternion"
    elif widths == {8}:
        matrices = _from_quaternions(path, np.array(rows)[:, 1:], quaternion)
        keys, style = ([row[0] for row in rows],), "timestamp, translation and quaternion"
    else:
        found = ", ".join(str(width) for width in sorted(widths)[:5])
        raise BadScene(f"{path}: lines of {found} numbers are not poses; {_KNOWN}")
    timestamps = _seconds(keys[0]) if widths == {8} else None
    return Trajectory(_checked(path, matrices), timestamps, style, _frame_numbers(keys), table.names)


def _named_columns(path: Path, table: PoseRows, columns: dict[str, int]) -> Trajectory:
    """Position and quaternion from where the file says they are."""
    rows = np.array(table.rows)
    poses = rows[:, [columns[name] for name in ("tx", "ty", "tz", "qx", "qy", "qz", "qw")]]
    times = rows[:, columns["time"]].tolist() if "time" in columns else None
    frames = [rows[:, columns[name]].tolist() for name in ("frame", "time") if name in columns]
    return Trajectory(
        _checked(path, _from_quaternions(path, poses, "xyzw")),
        None if times is None else _seconds(times),
        "columns named in the file",
        _frame_numbers(frames),
        table.names,
    )


def _frame_numbers(columns: Sequence[list[float]]) -> tuple[tuple[int, ...], ...]:
    """The columns that hold whole numbers, no two alike."""
    usable = [
        tuple(int(value) for value in column)
        for column in columns
        if all(0 <= value < _LATEST_FRAME and value == int(value) for value in column)
    ]
    return tuple(dict.fromkeys(column for column in usable if len(set(column)) == len(column)))


def _seconds(times: list[float]) -> tuple[float, ...]:
    """Times that count milli-, micro- or nanoseconds since 1970 are far greater than seconds are."""
    unit = next((unit for low, unit in _TIME_UNITS if min(times) > low), 1.0)
    return tuple(time / unit for time in times)


def between(trajectory: Trajectory, times: Mapping[str, float], gap: float) -> dict[str, NDArray[np.float64]]:
    """Poses at `times` from the two around each: none where those are more than `gap` seconds apart, or lost."""
    assert trajectory.timestamps is not None
    seconds, first = np.unique(trajectory.timestamps, return_index=True)
    poses = trajectory.matrices[first]
    with np.errstate(invalid="ignore"):
        tracked = np.isfinite(poses).all(axis=(1, 2)) & (np.linalg.det(np.nan_to_num(poses[:, :3, :3])) > 0)
    made = {}
    for name, time in times.items():
        after = int(np.searchsorted(seconds, time))
        if (
            0 < after < len(seconds)
            and seconds[after] - seconds[after - 1] <= gap
            and tracked[after - 1 : after + 1].all()
        ):
            one, other = poses[after - 1 : after + 1]
            share = (time - seconds[after - 1]) / (seconds[after] - seconds[after - 1])
            turn = Rotation.from_matrix(one[:3, :3].T @ other[:3, :3]).as_rotvec()
            pose = one.copy()
            pose[:3, :3] = one[:3, :3] @ Rotation.from_rotvec(share * turn).as_matrix()
            pose[:3, 3] += share * (other[:3, 3] - one[:3, 3])
            made[name] = pose
    return made


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
        raise BadScene(f"{path}: looks like an Open3D .log (3 integers, then 4 rows of 4), but is truncated or mixed")
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


def _from_quaternions(path: Path, rows: NDArray[np.float64], order: QuaternionOrder) -> NDArray[np.float64]:
    if order == "wxyz":
        rows = rows[:, [0, 1, 2, 4, 5, 6, 3]]
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
