"""The tables of a nuScenes release: scenes, and what lidar and cameras recorded of each.

sample_data.json and ego_pose.json of v1.0-trainval have 2.6 million rows each. They are read as streams, once a
process; kept are keyframes of cameras and sweeps of the lidar, a fifth of the rows. Facts: docs/schema_nuscenes.md of
nuscenes-devkit.
"""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from ....core.errors import BadInput, BadScene
from ....core.listing import entries
from ....core.regular import is_file
from ...files.confined import Confined
from ...files.json_rows import read_json_rows
from ...files.poses import rotation_of_quaternions

LIDAR = "LIDAR_TOP"
MAX_SAMPLES = 10_000  # keyframes of a scene; the release has about 40
_FARTHEST = 1e6  # metres from the map's origin; nuScenes has maps of a few kilometres
_TOKEN = re.compile(r"[0-9A-Za-z_-]{1,100}", re.ASCII)
_QUATERNION_TOLERANCE = 1e-3  # of its length from 1
_READ = ("scene", "sample", "sensor", "calibrated_sensor", "sample_data", "ego_pose")

T = TypeVar("T")


class SceneRow(NamedTuple):
    """A row of scene.json."""

    token: str
    samples: int  # keyframes


class Sample(NamedTuple):
    """A keyframe."""

    token: str
    scene: str  # token
    timestamp: int  # microseconds


@dataclass(frozen=True, eq=False)
class Sensor:
    """A calibrated sensor."""

    channel: str
    to_ego: NDArray[np.float64]  # (4, 4)
    intrinsic: NDArray[np.float64] | None  # (3, 3) of a camera, None of the lidar


class Shot(NamedTuple):
    """One picture or sweep: a row of sample_data.json."""

    token: str  # "" where nothing refers to it
    sensor: Sensor
    filename: str  # below the root, as written
    timestamp: int  # microseconds
    keyframe: bool
    sample: Sample  # the keyframe that it belongs to, or that follows
    size: tuple[int, int]  # (width, height) of a picture
    pose: int  # row of Tables.poses


@dataclass(frozen=True)
class Tables:
    """What is kept of a version of the release."""

    shots: dict[str, list[Shot]]  # by the scene's token, in the order of the file
    poses: NDArray[np.float64]  # (P, 7) the ego's x, y, z in the global frame and quaternion w, x, y, z; nan: not there

    def sensor_to_world(self, shot: Shot) -> NDArray[np.float64] | None:
        """(4, 4) by the vehicle's pose at the time of this very shot; None where ego_pose.json has none."""
        numbers = self.poses[shot.pose]
        return matrix_of(numbers[:3], numbers[3:]) @ shot.sensor.to_ego if np.isfinite(numbers).all() else None


def version_folder(root: Path, version: str) -> Path:
    """The folder with the tables: the one that is named, or the only one."""
    found = [path for path in entries(root) if is_file(path / "scene.json")]
    names = [path.name for path in found]
    if version and version not in names:
        raise BadInput(f"{root}: no --version {version!r}; there are: {', '.join(names)[:300] or 'none'}")
    if not found:
        raise BadInput(f"{root}: no nuScenes release. Looked for the tables VERSION/scene.json, as of v1.0-mini, in it")
    if len(found) > 1 and not version:
        raise BadInput(f"{root}: several versions; choose one with --version: {', '.join(names)[:300]}")
    return root / (version or names[0])


def read_scenes(folder: Path, confined: Confined) -> dict[str, SceneRow]:
    """Scenes by name."""
    path = confined(folder / "scene.json")
    scenes: dict[str, SceneRow] = {}
    for row in read_json_rows(path):
        name, count = text_of(path, row, "name"), row.get("nbr_samples")
        if not re.fullmatch(r"[\w.-]{1,80}", name):
            raise BadScene(f"{path}: a scene named {name[:80]!r}; letters, digits, '_', '-' and '.' were expected")
        if name in scenes:
            raise BadScene(f"{path}: two scenes are named {name!r}")
        if not isinstance(count, int) or not 1 <= count <= MAX_SAMPLES:
            raise BadScene(
                f"{path}: scene {name} with 'nbr_samples': {_shown(count)}; 1 to {MAX_SAMPLES} were expected"
            )
        scenes[name] = SceneRow(text_of(path, row, "token"), count)
    return scenes


def read_tables(folder: Path, confined: Confined) -> Tables:
    """The tables of a version; the same object as long as the files stay the same."""
    return read_once(_read_tables, folder, confined, _READ)


def read_once(read: Callable[..., T], folder: Path, confined: Confined, names: Sequence[str]) -> T:
    """What `read(folder, stamp)`, an lru_cache, makes of tables; the stamp changes when one of the files does."""
    stamp = []
    for path in (confined(folder / f"{name}.json") for name in names):
        try:
            status = path.stat()
        except OSError as error:
            raise BadScene(f"{path}: {error.strerror or error}") from error
        stamp.append((status.st_size, status.st_mtime_ns, status.st_ino))
    return read(folder, tuple(stamp))


@lru_cache(maxsize=2)
def _read_tables(folder: Path, stamp: object) -> Tables:
    samples = {row.token: row for row in _samples(folder / "sample.json")}
    sensors = _sensors(folder)
    shots, pose_rows = _shots(folder / "sample_data.json", samples, sensors)
    return Tables(shots, _poses(folder / "ego_pose.json", pose_rows))


def _samples(path: Path) -> Iterator[Sample]:
    for row in read_json_rows(path):
        yield Sample(token_of(path, row), text_of(path, row, "scene_token"), _whole(path, row, "timestamp"))


def _sensors(folder: Path) -> dict[str, Sensor]:
    """Calibrated cameras and the lidar, by token."""
    path = folder / "sensor.json"
    channels = {
        text_of(path, row, "token"): (text_of(path, row, "channel"), row.get("modality"))
        for row in read_json_rows(path)
    }
    path = folder / "calibrated_sensor.json"
    found = {}
    for row in read_json_rows(path):
        token, sensor = text_of(path, row, "token"), text_of(path, row, "sensor_token")
        if sensor not in channels:
            raise BadScene(f"{path}: {token[:40]} is of sensor {sensor[:40]!r}, which sensor.json does not have")
        channel, modality = channels[sensor]
        if modality == "camera" or channel == LIDAR:
            to_ego = matrix_of(numbers_of(path, row, "translation", 3), unit_quaternion(path, row))
            intrinsic = numbers_of(path, row, "camera_intrinsic", 9).reshape(3, 3) if modality == "camera" else None
            found[token] = Sensor(channel, to_ego, intrinsic)
    return found


def _shots(
    path: Path, samples: dict[str, Sample], sensors: dict[str, Sensor]
) -> tuple[dict[str, list[Shot]], dict[str, int]]:
    shots: dict[str, list[Shot]] = {}
    pose_rows: dict[str, int] = {}  # token of an ego pose -> row
    sizes: dict[tuple[int, int], tuple[int, int]] = {}  # each size once
    for row in read_json_rows(path):
        sensor, keyframe = sensors.get(text_of(path, row, "calibrated_sensor_token")), row.get("is_key_frame") is True
        if sensor is None or not (keyframe or sensor.intrinsic is None):
            continue
        sample = samples.get(text_of(path, row, "sample_token"))
        if sample is None:
            raise BadScene(f"{path}: {token_of(path, row)} is of a sample that sample.json does not have")
        size = (0, 0) if sensor.intrinsic is None else (_whole(path, row, "width"), _whole(path, row, "height"))
        shot = Shot(
            token_of(path, row) if keyframe else "",
            sensor,
            text_of(path, row, "filename"),
            _whole(path, row, "timestamp"),
            keyframe,
            sample,
            sizes.setdefault(size, size),
            pose_rows.setdefault(text_of(path, row, "ego_pose_token"), len(pose_rows)),
        )
        shots.setdefault(sample.scene, []).append(shot)
    return shots, pose_rows


def _poses(path: Path, rows: dict[str, int]) -> NDArray[np.float64]:
    poses = np.full((len(rows), 7), np.nan)
    for row in read_json_rows(path):
        number = rows.get(text_of(path, row, "token"))
        if number is not None:
            poses[number, :3] = numbers_of(path, row, "translation", 3)
            poses[number, 3:] = unit_quaternion(path, row)
    return poses


def matrix_of(translation: NDArray[np.float64], wxyz: NDArray[np.float64]) -> NDArray[np.float64]:
    """(4, 4) the motion of a translation and a unit quaternion."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation_of_quaternions(wxyz[None, [1, 2, 3, 0]])[0]
    matrix[:3, 3] = translation
    return matrix


def unit_quaternion(path: Path, row: dict[str, Any]) -> NDArray[np.float64]:
    """(4,) w, x, y, z of a row's 'rotation', of length 1 exactly."""
    wxyz = numbers_of(path, row, "rotation", 4)
    length = float(np.linalg.norm(wxyz))
    if not abs(length - 1) < _QUATERNION_TOLERANCE:
        raise BadScene(f"{path}: {_name(row)}: a 'rotation' of length {length:.4g}; a unit quaternion was expected")
    return wxyz / length


def text_of(path: Path, row: dict[str, Any], key: str) -> str:
    """A row's text."""
    value = row.get(key)
    if not isinstance(value, str):
        raise BadScene(f"{path}: {_name(row)}: {key!r} is {_shown(value)}; text was expected")
    return value


def token_of(path: Path, row: dict[str, Any]) -> str:
    """A row's own token, which may become part of a file's name."""
    token = text_of(path, row, "token")
    if not _TOKEN.fullmatch(token):
        raise BadScene(f"{path}: the token {token[:60]!r}; up to 100 letters and digits were expected")
    return token


def _whole(path: Path, row: dict[str, Any], key: str) -> int:
    value = row.get(key)
    if not isinstance(value, int) or not 0 <= value < 1 << 62:
        raise BadScene(f"{path}: {_name(row)}: {key!r} is {_shown(value)}; a whole number was expected")
    return value


def numbers_of(path: Path, row: dict[str, Any], key: str, count: int) -> NDArray[np.float64]:
    """(count,) finite numbers, nested or not."""
    value = row.get(key)
    try:
        numbers = np.array(value, np.float64).ravel()
    except (TypeError, ValueError, OverflowError):
        numbers = np.empty(0)
    if len(numbers) != count or not (np.abs(numbers) < _FARTHEST).all():
        raise BadScene(f"{path}: {_name(row)}: {key!r} is {_shown(value)}; {count} numbers were expected")
    return numbers


def _name(row: dict[str, Any]) -> str:
    return f"row {_shown(row.get('token'))}"


def _shown(value: object) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
