"""TUM RGB-D: images and depth named by time, a trajectory at 100 Hz; one folder per recording."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial.transform import Rotation, Slerp

from ....core.scene import Camera
from ..recording import Recording
from ..registered import registered

NEXT = "ovstore ingest tum {path} --frame-stride 1"
DEPTH_SCALE = 5000  # stored units per metre
_CAMERA = Camera(640, 480, 525.0, 525.0, 319.5, 239.5)
_FIRST, _APART = 1305031102.175304, 0.1  # seconds
_DEPTH_LATER, _POSE_LATER, _POSES = -0.014897, 0.0035, 10  # seconds; poses a frame


def write(folder: Path, recording: Recording) -> None:
    """All files of one recording; around a frame whose pose was lost groundtruth.txt has none."""
    color, depth = recording.color_camera, recording.depth_camera
    camera = _CAMERA.resized(color.width, color.height)
    lists: dict[str, list[str]] = {"rgb": [], "depth": []}
    for part in lists:
        (folder / part).mkdir()
    for number, frame in enumerate(recording.frames):
        pixels = np.array(Image.open(io.BytesIO(frame.jpeg)).convert("RGB"))
        readings = np.minimum(registered(frame.depth, depth, camera).astype(int) * (DEPTH_SCALE // 1000), 65534)
        pictures = {"rgb": registered(pixels, color, camera), "depth": readings.astype(np.uint16)}
        for part, later in (("rgb", 0.0), ("depth", _DEPTH_LATER)):
            time = f"{_FIRST + number * _APART + later:.6f}"
            Image.fromarray(pictures[part]).save(folder / part / f"{time}.png", compress_level=4)
            lists[part].append(f"{time} {part}/{time}.png\n")
    for part, (title, lines) in {
        "rgb": ("color images", lists["rgb"]),
        "depth": ("depth maps", lists["depth"]),
    }.items():
        _write(folder / f"{part}.txt", title, recording.name, "timestamp filename", lines)
    _write(
        folder / "groundtruth.txt",
        "ground truth trajectory",
        recording.name,
        "timestamp tx ty tz qx qy qz qw",
        _poses(np.array([frame.camera_to_world for frame in recording.frames])),
    )


def write_set(root: Path, names: Sequence[str]) -> None:
    """Nothing: the folders are the set."""


def _poses(matrices: NDArray[np.float64]) -> Iterator[str]:
    """Lines between tracked frames, ten of them a frame; the first of each ten is the frame's own pose."""
    tracked = np.flatnonzero(np.isfinite(matrices).all(axis=(1, 2)))
    turns = Slerp(tracked, Rotation.from_matrix(matrices[tracked, :3, :3]))
    lost = np.setdiff1d(np.arange(len(matrices)), tracked)
    for step in range(int(tracked[-1] - tracked[0]) * _POSES + 1):
        frame = tracked[0] + step / _POSES
        if (np.abs(frame - lost) * _APART < 0.03).any():
            continue
        place = [np.interp(frame, tracked, matrices[tracked, axis, 3]) for axis in range(3)]
        numbers = [*place, *turns(frame).as_quat()]
        time = f"{_FIRST + frame * _APART + _POSE_LATER:.4f}"
        yield " ".join([time, *(f"{value:.4f}" for value in numbers)]) + "\n"


def _write(path: Path, title: str, name: str, columns: str, lines: Iterator[str] | list[str]) -> None:
    head = f"# {title}\n# file: '{name}.bag'\n# {columns}\n"
    path.write_text(head + "".join(lines), encoding="ascii", newline="\n")
