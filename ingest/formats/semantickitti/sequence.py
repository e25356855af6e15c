"""A sequence of KITTI's odometry benchmark: poses and calibration, pictures and scans.

A pose is that of the left grey camera (camera 0) in the axes it had at the first scan. `Tr` maps the lidar to camera 0,
and P2 = K [I | t] what camera 0 sees to pixels of the left colour camera, which stands at -t in the axes of camera 0.
Line n of poses.txt and times.txt is of the n-th scan, as semantic-kitti-api pairs them.
"""

from collections.abc import Sequence as Several
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ....core.errors import BadScene
from ....core.listing import entries
from ....core.regular import is_file, is_folder
from ....core.scene import Camera, Frame, PointCloud
from ...files.confined import Confined
from ...files.images import image_size
from ...files.numbers_text import read_rows
from ...files.poses import read_trajectory
from ...files.whole import read_text
from ..lidar_points import Accumulation, read_sweep, usable_points
from ..selection import spread
from ..skipped import skipped
from .labels import LABELS, read_labels

VELODYNE = "velodyne"
_COLUMNS = 4  # x, y, z, remission
_FARTHEST = 1e6  # of any number of poses and calibration; sequences are a few kilometres long
_CALIBRATION_BYTES = 1 << 20
_SIDES = {"image_2": "P2", "image_3": "P3"}


@dataclass(frozen=True)
class Sequence:
    """What the scans of a sequence have in common."""

    folder: Path
    projections: dict[str, NDArray[np.float64]]  # (3, 4) by name, P0 to P3
    lidar_to_camera: NDArray[np.float64]  # (4, 4) camera 0
    scans: dict[int, Path]  # by number, ascending
    rows: dict[int, int]  # of a scan's number: its line of poses.txt and times.txt
    camera_to_start: NDArray[np.float64]  # (S, 4, 4) camera 0 to its first axes; one row per pose
    times: NDArray[np.float64] | None  # (S,) seconds

    def lidar_to_world(self, scan: int) -> NDArray[np.float64] | None:
        """(4, 4) the world is the lidar's axes at the first scan; None where the pose is lost."""
        row = self.rows[scan]
        if row >= len(self.camera_to_start) or not (np.abs(self.camera_to_start[row]) < _FARTHEST).all():
            return None
        return np.linalg.inv(self.lidar_to_camera) @ self.camera_to_start[row] @ self.lidar_to_camera

    def camera_to_world(self, scan: int, side: str) -> NDArray[np.float64] | None:
        """(4, 4) of a colour camera, image_2 or image_3."""
        lidar_to_world = self.lidar_to_world(scan)
        if lidar_to_world is None:
            return None
        projection = self.projections[_SIDES[side]]
        camera_0_to_this = np.eye(4)
        camera_0_to_this[:3, 3] = np.linalg.inv(projection[:, :3]) @ projection[:, 3]
        return lidar_to_world @ np.linalg.inv(camera_0_to_this @ self.lidar_to_camera)


def numbered(folder: Path, suffix: str) -> dict[int, Path]:
    """The files that are named by a number, of any number of digits, ascending; none where there is no such folder."""
    found: dict[int, Path] = {}
    for path in entries(folder) if is_folder(folder) else ():
        if path.suffix != suffix or not (path.stem.isascii() and path.stem.isdigit() and len(path.stem) < 19):
            continue
        if other := found.get(int(path.stem)):
            raise BadScene(
                f"{folder}: {other.name} and {path.name} have the same number; it is ambiguous which one counts"
            )
        found[int(path.stem)] = path
    return {number: found[number] for number in sorted(found)}


def read_sequence(folder: Path, confined: Confined) -> Sequence:
    """The scans, calib.txt, poses.txt and, where there is one, times.txt."""
    scans = numbered(folder / VELODYNE, ".bin")
    if not scans:
        raise BadScene(f"{folder / VELODYNE}: no scans named by a number, such as 000000.bin")
    projections, lidar_to_camera = _calibration(confined(folder / "calib.txt"))
    poses = read_trajectory(confined(folder / "poses.txt"))
    times = None
    if is_file(listing := folder / "times.txt"):
        rows = read_rows(confined(listing))
        if any(len(row) != 1 for row in rows):
            raise BadScene(f"{listing}: one time per line was expected")
        times = np.array(rows)[:, 0]
    row_of = _rows(folder, list(scans), len(poses))
    return Sequence(folder, projections, lidar_to_camera, scans, row_of, poses.matrices, times)


def read_frames(
    sequence: Sequence, scans: Several[int], limit: int | None, stereo: bool, confined: Confined
) -> tuple[list[Frame], list[str]]:
    """The pictures that were taken with the scans, and findings."""
    sides = tuple(_SIDES) if stereo else ("image_2",)
    if not is_folder(sequence.folder / "image_2"):
        raise BadScene(
            f"{sequence.folder}: no folder image_2; features come from images: unpack the colour images of KITTI's "
            "odometry benchmark there"
        )
    wanted = spread([(scan, side) for scan in scans for side in sides], limit)
    pictures = {side: numbered(sequence.folder / side, ".png") for side in sides}
    frames: list[Frame] = []
    missing: list[str] = []
    lost: list[str] = []
    for scan, side in wanted:
        if scan not in pictures[side]:
            missing.append(f"{side}/{sequence.scans[scan].stem}.png")
            continue
        path = confined(pictures[side][scan])
        pose = sequence.camera_to_world(scan, side)
        if pose is None:
            lost.append(f"{side}/{path.name}")
        else:
            name = f"{scan:06d}" if side == "image_2" else f"{scan:06d}_right"
            frames.append(Frame(name, _camera(sequence, side, path), pose, path, timestamp=_time(sequence, scan)))
    findings = skipped(missing, len(wanted), "no such image")
    return frames, findings + skipped(lost, len(wanted), "poses.txt has no valid pose for them")


def read_points(
    sequence: Sequence, scans: Several[int], voxel_size: float, ego_radius: float, confined: Confined
) -> tuple[PointCloud, list[str]]:
    """All scans in the world, and findings."""
    cloud = Accumulation(str(sequence.folder), voxel_size)
    labelled = numbered(sequence.folder / "labels", ".label")
    lost: list[str] = []
    wrong = 0
    for scan in scans:
        pose = sequence.lidar_to_world(scan)
        if pose is None:
            lost.append(sequence.scans[scan].name)
            continue
        path = confined(sequence.scans[scan])
        local = read_sweep(path, _COLUMNS)[:, :3]
        kept, unmeasured = usable_points(path, local, ego_radius)
        wrong += unmeasured
        labels = instances = None
        if scan in labelled:
            labels, instances = (column[kept] for column in read_labels(confined(labelled[scan]), len(local)))
        cloud.add(local[kept].astype(np.float64) @ pose[:3, :3].T + pose[:3, 3], labels, instances)
    if len(lost) == len(scans):
        raise BadScene(f"{sequence.folder / 'poses.txt'}: no valid pose for any of {len(scans)} scans")
    findings = []
    if [*sequence.rows] != [*sequence.rows.values()]:
        numbers = [*sequence.scans]
        findings.append(
            f"scans {numbers[0]} to {numbers[-1]} have the {len(sequence.rows):,} poses of poses.txt in order"
        )
    findings += skipped(lost, len(scans), "poses.txt has no valid pose for them", "scans")
    if wrong:
        findings.append(f"{wrong:,} lidar points left out: not finite, or too far to be measurements")
    return cloud.cloud(LABELS), findings


def _camera(sequence: Sequence, side: str, path: Path) -> Camera:
    """KITTI's sequences are rectified to sizes of their own, so the size is the picture's."""
    (fx, _, cx, _), (_, fy, cy, _), _ = sequence.projections[_SIDES[side]].tolist()
    return Camera(*image_size(path), fx, fy, cx, cy)


def _time(sequence: Sequence, scan: int) -> float | None:
    row = sequence.rows[scan]
    return None if sequence.times is None or row >= len(sequence.times) else float(sequence.times[row])


def _rows(folder: Path, numbers: list[int], poses: int) -> dict[int, int]:
    """The line of poses.txt of each scan: in order where there are as many, else that of its number."""
    if len(numbers) == poses or numbers == list(range(len(numbers))):
        return {number: row for row, number in enumerate(numbers)}
    if numbers[-1] < poses:  # some scans of a sequence, with all its poses
        return {number: number for number in numbers}
    raise BadScene(
        f"{folder / 'poses.txt'}: {poses:,} poses for {len(numbers):,} scans numbered {numbers[0]} to "
        f"{numbers[-1]}; one pose per scan, in order, or all poses of the sequence were expected"
    )


def _calibration(path: Path) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.float64]]:
    """P2 and P3, and Tr as (4, 4)."""
    rows = {name: np.array(numbers) for name, numbers in _named_rows(path) if len(numbers) == 12}
    for name in (*_SIDES.values(), "Tr"):
        if name not in rows:
            raise BadScene(f"{path}: no line '{name}: ' with 12 numbers; use the calib.txt that comes with the scans")
        if not (np.abs(rows[name]) < _FARTHEST).all() or abs(np.linalg.det(rows[name].reshape(3, 4)[:, :3])) < 1e-9:
            raise BadScene(f"{path}: the numbers of {name} are not a calibration")
    lidar_to_camera = np.vstack([rows["Tr"].reshape(3, 4), [0, 0, 0, 1]])
    return {name: rows[name].reshape(3, 4) for name in _SIDES.values()}, lidar_to_camera


def _named_rows(path: Path) -> list[tuple[str, list[float]]]:
    """Lines such as "P2: 7.07e+02 0 ..."."""
    rows = (line.partition(":") for line in read_text(path, _CALIBRATION_BYTES).splitlines())
    try:
        return [(name.strip(), [float(word) for word in rest.split()]) for name, _, rest in rows]
    except ValueError as error:
        raise BadScene(f"{path}: lines such as 'P2: ' and 12 numbers were expected: {error}") from error
