"""SemanticKITTI: velodyne/, labels/, image_2/, image_3/, calib.txt, poses.txt and times.txt, one folder per sequence.

The left colour camera takes the recording's images from where they were taken; frames without a pose are left out.
"""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ....core.scene import Camera
from ..lidar import CAMERA_IN_VEHICLE, driving_class, motion, sweep
from ..recording import Recording
from ..render import render

NEXT = "ovstore ingest semantickitti {path} --frame-stride 1"
BASELINES = {  # metres: camera 0 to each camera's axes; KITTI's own are 0.06 and -0.47 along x
    "P0": (0.0, 0.0, 0.0),
    "P1": (-0.06, 0.0, 0.0),
    "P2": (0.006, -0.0002, 0.0027),
    "P3": (-0.05, 0.0003, 0.0022),
}
LIDAR_TO_CAMERA = motion(CAMERA_IN_VEHICLE.T, (-0.01, -0.05, -0.02))  # camera 0
_ELEVATIONS = np.linspace(-24.8, 2.0, 64)
_COLUMNS = 120


def write(folder: Path, recording: Recording) -> None:
    """All files of one sequence."""
    for part in ("velodyne", "labels", "image_2", "image_3"):
        (folder / part).mkdir()
    camera, geometry = recording.color_camera, recording.scene.geometry
    classes = [driving_class(placed) for placed in recording.scene.objects]
    label = np.array([kind.semantickitti for kind in classes], np.uint32)
    number = np.where([kind.countable for kind in classes], np.arange(len(classes)) + 1, 0).astype(np.uint32)
    tracked = [frame for frame in recording.frames if np.isfinite(frame.camera_to_world).all()]
    camera_0 = [frame.camera_to_world @ motion(np.eye(3), BASELINES["P2"]) for frame in tracked]
    for scan, (frame, pose) in enumerate(zip(tracked, camera_0, strict=True)):
        seen = sweep(geometry, pose @ LIDAR_TO_CAMERA, _ELEVATIONS, _COLUMNS)
        points = np.column_stack([seen.xyz, seen.reflectance]).astype("<f4")
        (folder / "velodyne" / f"{scan:06d}.bin").write_bytes(points.tobytes())
        packed = label[seen.object_id] | number[seen.object_id] << np.uint32(16)
        (folder / "labels" / f"{scan:06d}.label").write_bytes(packed.astype("<u4").tobytes())
        with Image.open(io.BytesIO(frame.jpeg)) as left:
            left.save(folder / "image_2" / f"{scan:06d}.png")
        right = render(geometry, camera, pose @ np.linalg.inv(motion(np.eye(3), BASELINES["P3"]))).rgb
        Image.fromarray(right).save(folder / "image_3" / f"{scan:06d}.png")
    start = np.linalg.inv(camera_0[0])
    _write_lines(folder / "poses.txt", [_numbers((start @ pose)[:3]) for pose in camera_0])
    _write_lines(folder / "times.txt", [f"{0.1 * scan:.6e}" for scan in range(len(tracked))])
    lines = [f"{name}: {_numbers(_projection(camera, BASELINES[name]))}" for name in BASELINES]
    _write_lines(folder / "calib.txt", [*lines, f"Tr: {_numbers(LIDAR_TO_CAMERA[:3])}"])


def write_set(root: Path, names: Sequence[str]) -> None:
    """Nothing: the folder of the sequences is the set."""


def _projection(camera: Camera, baseline: tuple[float, float, float]) -> NDArray[np.float64]:
    """(3, 4) from the axes of camera 0 to pixels."""
    return camera.matrix @ motion(np.eye(3), baseline)[:3]


def _numbers(matrix: NDArray[np.float64]) -> str:
    return " ".join(f"{value:.12e}" for value in matrix.ravel())


def _write_lines(path: Path, lines: list[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="ascii", newline="\n")
