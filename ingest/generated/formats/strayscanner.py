"""Stray Scanner's export: odometry, depth and its confidence, images of the video; one folder per recording."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial.transform import Rotation

from ..recording import Recording
from ..registered import registered

NEXT = "ovstore ingest strayscanner {path} --frame-stride 1"
_FIRST, _APART = 170340.472500583, 1 / 60  # seconds
_SURE = 2
_COLUMNS = "timestamp, frame, x, y, z, qx, qy, qz, qw, fx, fy, cx, cy, distortion_center_x, distortion_center_y"
_Y_UP = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])  # of a world whose z is up


def write(folder: Path, recording: Recording) -> None:
    """All files of one recording; the app has no row for a frame whose pose was lost, nor any file."""
    color = recording.color_camera
    for part in ("rgb", "depth", "confidence"):
        (folder / part).mkdir()
    lines = [_COLUMNS]
    tracked = [frame for frame in recording.frames if np.isfinite(frame.camera_to_world).all()]
    for number, frame in enumerate(tracked):
        (folder / "rgb" / f"{number:06d}.jpg").write_bytes(frame.jpeg)
        readings = registered(frame.depth, recording.depth_camera, color)
        sure = np.where(readings > 0, _SURE, 0).astype(np.uint8)
        Image.fromarray(readings).save(folder / "depth" / f"{number:06d}.png", compress_level=4)
        Image.fromarray(sure).save(folder / "confidence" / f"{number:06d}.png", compress_level=4)
        numbers = [*_pose(_Y_UP @ frame.camera_to_world), color.fx, color.fy, color.cx + 0.5, color.cy + 0.5]
        words = [f"{_FIRST + number * _APART:.9f}", f"{number:06d}", *(f"{value:.9g}" for value in numbers), "", ""]
        lines.append(", ".join(words))
    _write(folder / "odometry.csv", lines)
    rows = [(color.fx, 0, color.cx + 0.5), (0, color.fy, color.cy + 0.5), (0, 0, 1)]
    _write(folder / "camera_matrix.csv", [", ".join(f"{value:.7g}" for value in row) for row in rows])


def write_set(root: Path, names: Sequence[str]) -> None:
    """Nothing: the folders are the set."""


def _pose(camera_to_world: NDArray[np.float64]) -> list[float]:
    return [*camera_to_world[:3, 3], *Rotation.from_matrix(camera_to_world[:3, :3]).as_quat()]


def _write(path: Path, lines: Sequence[str]) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="ascii", newline="\n")
