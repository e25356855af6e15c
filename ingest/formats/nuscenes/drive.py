"""Frames and points of a drive's keyframes, each by the vehicle's pose at its own time."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ....core.errors import BadScene
from ....core.regular import is_file
from ....core.scene import Camera, Frame, PointCloud
from ...files.confined import Confined
from ...files.written_paths import written_path
from ..lidar_points import Accumulation, read_sweep, usable_points
from ..selection import spread
from ..skipped import skipped
from .labels import Labels
from .tables import Sample, Shot, Tables

CAMERAS = ("CAM_FRONT", "CAM_FRONT_RIGHT", "CAM_BACK_RIGHT", "CAM_BACK", "CAM_BACK_LEFT", "CAM_FRONT_LEFT")  # clockwise
_COLUMNS = 5  # of a sweep's points: x, y, z, intensity, ring


@dataclass(frozen=True)
class Drive:
    """What was recorded of one scene."""

    tables: Tables
    name: str
    token: str

    @property
    def shots(self) -> list[Shot]:
        """In the order of time."""
        return sorted(self.tables.shots.get(self.token, []), key=lambda shot: shot.timestamp)

    @property
    def keyframes(self) -> list[Sample]:
        """Those with a picture or sweep, in the order of time."""
        return sorted({s.sample for s in self.shots if s.keyframe}, key=lambda sample: (sample.timestamp, sample.token))

    def sweeps(self, keyframes: Sequence[Sample], seconds: float) -> list[Shot]:
        """The keyframes' own sweeps, then those of the `seconds` before each of them, each once."""
        lidar = [shot for shot in self.shots if shot.sensor.intrinsic is None]
        own = [shot for shot in lidar if shot.keyframe and shot.sample in set(keyframes)]
        ends = np.array([shot.timestamp for shot in own], np.int64)
        between = [
            shot
            for shot in lidar
            if not shot.keyframe and ((ends - seconds * 1e6 <= shot.timestamp) & (shot.timestamp < ends)).any()
        ]
        return own + between


def read_frames(
    drive: Drive, keyframes: Sequence[Sample], limit: int | None, confined: Confined
) -> tuple[list[Frame], list[str]]:
    """The keyframes' pictures, named 007_CAM_FRONT by the keyframe's number in the drive, and findings."""
    number_of = {sample: number for number, sample in enumerate(drive.keyframes)}
    rank = {channel: number for number, channel in enumerate(CAMERAS)}
    chosen = set(keyframes)
    shots = [s for s in drive.shots if s.keyframe and s.sensor.intrinsic is not None and s.sample in chosen]
    shots.sort(key=lambda shot: (number_of[shot.sample], rank.get(shot.sensor.channel, len(rank))))
    posed, findings = _posed(drive, spread(shots, limit), "frames", confined)
    frames = []
    for shot, path, camera_to_world in posed:
        name = f"{number_of[shot.sample]:03d}_{shot.sensor.channel}"
        frames.append(Frame(name, _camera(shot), camera_to_world, path, timestamp=shot.timestamp * 1e-6))
    return frames, findings


def read_points(
    drive: Drive, sweeps: Sequence[Shot], voxel_size: float, ego_radius: float, labels: Labels, confined: Confined
) -> tuple[PointCloud, list[str]]:
    """All sweeps in the global frame, and findings; labels are those of keyframes."""
    posed, findings = _posed(drive, sweeps, "sweeps", confined)
    if not posed:
        raise BadScene(
            f"{drive.name}: none of its {len(sweeps)} lidar sweeps exists with a pose: unpack the release's blobs"
            + (f" ({'; '.join(findings)})" if findings else "")
        )
    cloud = Accumulation(drive.name, voxel_size)
    wrong = 0
    for shot, path, lidar_to_world in posed:
        local = read_sweep(path, _COLUMNS)[:, :3]
        kept, unmeasured = usable_points(path, local, ego_radius)
        wrong += unmeasured
        xyz = local[kept].astype(np.float64) @ lidar_to_world[:3, :3].T + lidar_to_world[:3, 3]
        cloud.add(xyz, *(labels.of(shot, xyz, kept) if shot.keyframe else (None, None)))
    if wrong:
        findings.append(f"{wrong:,} lidar points left out: not finite, or too far to be measurements")
    return cloud.cloud(labels.names), findings


def _posed(
    drive: Drive, shots: Sequence[Shot], what: str, confined: Confined
) -> tuple[list[tuple[Shot, Path, NDArray[np.float64]]], list[str]]:
    """The shots whose file and pose are there, with both (sensor_to_world); findings count the others, as `what`."""
    posed = []
    missing: list[str] = []
    lost: list[str] = []
    for shot in shots:
        path = written_path(shot.filename, confined)
        sensor_to_world = drive.tables.sensor_to_world(shot)
        if not is_file(path):
            missing.append(shot.filename)
        elif sensor_to_world is None:
            lost.append(shot.filename)
        else:
            posed.append((shot, path, sensor_to_world))
    findings = skipped(missing, len(shots), "no such file", what)
    return posed, findings + skipped(lost, len(shots), "ego_pose.json has no pose for them", what)


def _camera(shot: Shot) -> Camera:
    assert shot.sensor.intrinsic is not None  # pictures are of cameras
    (fx, _, cx), (_, fy, cy), _ = shot.sensor.intrinsic.tolist()
    return Camera(*shot.size, fx, fy, cx, cy)
