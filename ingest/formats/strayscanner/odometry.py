"""odometry.csv of Stray Scanner: a pose for each frame, and in newer versions its intrinsics.

    timestamp, frame, x, y, z, qx, qy, qz, qw, fx, fy, cx, cy, distortion_center_x, distortion_center_y
    170340.47, 000000, 0.0137, -0.0133, 0.0974, 0.9493, 0.0100, -0.0065, 0.3141, 1339.34, 1339.34, 959.13, 725.10, ,

The app turns ARKit's cameras by half a turn around x before it writes them: they map the camera to the world, with y
down and z forward in the camera. The world's y is up. Columns go by their names, in any order; fields may be empty.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ....core.errors import BadScene
from ...files.numbers_text import MAX_BYTES
from ...files.poses import rotation_of_quaternions
from ...files.whole import read_text

_POSE = ("x", "y", "z", "qx", "qy", "qz", "qw")
_INTRINSICS = ("fx", "fy", "cx", "cy")
_LONG = 0.02  # of a quaternion's length from 1; files carry as few as three decimals
_LATEST = 1_000_000_000


@dataclass(frozen=True)
class Odometry:
    """What is known of each frame, one a row."""

    numbers: tuple[int, ...]  # no two alike
    camera_to_world: NDArray[np.float64]  # (N, 4, 4) with OpenCV's axes; not finite where the pose is missing
    seconds: NDArray[np.float64]  # (N,) nan where there is none
    intrinsics: NDArray[np.float64]  # (N, 4) fx, fy, cx, cy of the colour image as written; nan where there are none


def read_odometry(path: Path) -> Odometry:
    """All rows; BadScene for a file without the columns of a pose."""
    lines = read_text(path, MAX_BYTES).splitlines()
    head = [word.strip().lower() for word in lines[0].split(",")] if lines else []
    lacking = [name for name in _POSE if name not in head]
    if lacking:
        raise BadScene(
            f"{path}: no column {lacking[0]!r}; its first line should name timestamp, frame, {', '.join(_POSE)}"
        )
    names = [name for name in ("timestamp", "frame", *_POSE, *_INTRINSICS) if name in head]
    places = [head.index(name) for name in names]
    table = np.array(
        [_numbers(path, number, row, places) for number, row in enumerate(csv.reader(lines[1:]), 2) if row]
    )
    if len(table) == 0:
        raise BadScene(f"{path}: no rows below its first line")
    columns = {name: table[:, place] for place, name in enumerate(names)}
    unknown = np.full(len(table), np.nan)
    return Odometry(
        _frame_numbers(path, columns.get("frame", np.arange(len(table), dtype=np.float64))),
        _poses(path, np.stack([columns[name] for name in _POSE], axis=1)),
        columns.get("timestamp", unknown),
        np.stack([columns.get(name, unknown) for name in _INTRINSICS], axis=1),
    )


def _numbers(path: Path, number: int, row: list[str], places: list[int]) -> list[float]:
    try:
        return [float(row[place].strip() or "nan") if place < len(row) else np.nan for place in places]
    except ValueError as error:
        raise BadScene(f"{path}, line {number}: {','.join(row)[:60]!r} is not only numbers") from error


def _frame_numbers(path: Path, column: NDArray[np.float64]) -> tuple[int, ...]:
    whole = (column >= 0) & (column < _LATEST) & (column == np.floor(column))
    if not whole.all() or len(np.unique(column)) != len(column):
        raise BadScene(f"{path}: the column 'frame' is not of whole numbers, a different one in each row")
    return tuple(column.astype(np.int64).tolist())


def _poses(path: Path, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 4, 4); rows that are not finite stay so."""
    length = np.linalg.norm(rows[:, 3:], axis=1)
    usable = np.isfinite(rows).all(axis=1) & (np.abs(rows) < 1e6).all(axis=1)
    for row in np.flatnonzero(usable & (np.abs(length - 1) > _LONG))[:1]:
        raise BadScene(f"{path}: the quaternion of row {row + 1} has length {length[row]:.4g}; 1 was expected")
    matrices = np.full((len(rows), 4, 4), np.nan)
    matrices[usable] = np.eye(4)
    matrices[usable, :3, :3] = rotation_of_quaternions(rows[usable, 3:] / length[usable, None])
    matrices[usable, :3, 3] = rows[usable, :3]
    return matrices
