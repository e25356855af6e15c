"""The frames of an ARKitScenes recording: files named by the time of their exposure, poses and intrinsics by time.

    lowres_wide/40753679_6845.806.png                the same time in the names of all that belongs together
    lowres_depth/40753679_6845.806.png               16 bits, millimetres
    lowres_wide_intrinsics/40753679_6845.806.pincam  width height fx fy cx cy
    lowres_wide.traj                                 time, axis-angle (radians), translation (metres): world to camera

Times agree to 5 ms, as the official loader has it. All pictures but the ultra-wide ones are of one lens, at different
sizes.
"""

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ....core.errors import BadScene
from ....core.listing import entries
from ....core.scene import Frame
from ...files.confined import Confined
from ...files.images import image_size
from ...files.intrinsics import read_intrinsics
from ...files.naming import naming
from ...files.numbers_text import read_rows
from ...files.poses import inverted
from ..selection import spread
from ..skipped import NO_POSE, less, skipped

TRAJECTORY = "lowres_wide.traj"
TOLERANCE = 0.005  # seconds
DEPTH_SCALE = 1000.0  # stored units per metre
_TIME = re.compile(r".*_(\d{1,12}\.\d{1,12})")


def read_frames(
    folder: Path, color: str, depth: str, stride: int, limit: int | None, depth_scale: float | None, confined: Confined
) -> tuple[tuple[Frame, ...], list[str]]:
    """Every `stride`-th frame with colour, depth, intrinsics and a pose, `limit` at most, and findings."""
    images, depths = _by_time(folder / color, ".png", confined), _by_time(folder / depth, ".png", confined)
    cameras = _by_time(folder / f"{color}_intrinsics", ".pincam", confined)
    pose_times, poses = read_trajectory(confined(folder / TRAJECTORY))
    times = np.array(list(images))
    rows = [nearest_rows(times, of) for of in (pose_times, np.array(list(depths)), np.array(list(cameras)))]
    complete = np.flatnonzero(np.all([row >= 0 for row in rows], axis=0))
    findings = []
    for row, what in zip(rows, ("pose", "depth", "intrinsics"), strict=True):
        lacking = [f"{time:.3f}" for time in times[row < 0]]
        findings += skipped(lacking, len(times), f"no {what} within {TOLERANCE * 1000:g} ms", "pictures")
    chosen = complete[::stride].tolist()
    pose_row, depth_row, camera_row = (row.tolist() for row in rows)
    tracked = [k for k in chosen if np.isfinite(poses[pose_row[k]]).all()]
    findings += skipped([f"{times[k]:.3f}" for k in less(chosen, tracked)], len(chosen), NO_POSE)
    image_files, depth_files, camera_files = (list(files.values()) for files in (images, depths, cameras))
    frames = []
    for k in spread(tracked, limit):
        image_file, depth_file = image_files[k], depth_files[depth_row[k]]
        intrinsics = read_intrinsics(camera_files[camera_row[k]])
        with naming(image_file):
            camera = intrinsics.camera(*image_size(image_file))
        with naming(depth_file):
            depth_camera = intrinsics.camera(*image_size(depth_file))
        frames.append(
            Frame(
                f"{times[k]:.3f}",
                camera,
                poses[pose_row[k]],
                image_file,
                depth_file,
                depth_camera,
                depth_scale or DEPTH_SCALE,
                timestamp=float(times[k]),
            )
        )
    return tuple(frames), findings


def read_trajectory(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Times (N,) ascending and camera_to_world (N, 4, 4) with OpenCV's axes."""
    rows = read_rows(path)
    if any(len(row) != 7 for row in rows):
        raise BadScene(f"{path}: expected 7 numbers per line: the time, an axis-angle rotation and a translation")
    table = np.array(rows)
    table = table[np.argsort(table[:, 0], kind="stable")]
    usable = np.isfinite(table).all(axis=1) & (np.abs(table[:, 1:]) < 1e6).all(axis=1)
    world_to_camera = np.full((len(table), 4, 4), np.nan)
    world_to_camera[usable] = np.eye(4)
    world_to_camera[usable, :3, :3] = Rotation.from_rotvec(table[usable, 1:4]).as_matrix()
    world_to_camera[usable, :3, 3] = table[usable, 4:]
    return table[:, 0], inverted(world_to_camera)


def nearest_rows(times: NDArray[np.float64], of: NDArray[np.float64]) -> NDArray[np.int64]:
    """(N,) which of ascending `of` is nearest to each time, -1 where none is within the tolerance."""
    if len(of) == 0:
        return np.full(len(times), -1, np.int64)
    after = np.searchsorted(of, times).clip(0, len(of) - 1)
    before = (after - 1).clip(0)
    row = np.where(np.abs(of[before] - times) <= np.abs(of[after] - times), before, after)
    return np.where(np.abs(of[row] - times) <= TOLERANCE + 1e-6, row, -1)


def _by_time(folder: Path, suffix: str, confined: Confined) -> dict[float, Path]:
    """Seconds -> file, ascending."""
    paths = [path for path in entries(confined(folder)) if path.suffix == suffix]
    files = {float(match[1]): path for path in paths if (match := _TIME.fullmatch(path.stem))}
    if not files:
        raise BadScene(f"{folder}: no files named by video and time, such as 40753679_6845.806{suffix}")
    return {time: confined(files[time]) for time in sorted(files)}
