"""The nuScenes release, v1.0-mini: tables, six cameras, a lidar, lidarseg, panoptic labels and boxes.

A scene is written as a release of its own; `write_set` joins those. The front camera takes the recording's images
from where they were taken; the other five are half as large. The vehicle moves on between one sensor and the next.
"""

import io
import json
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ....core.scene import Camera
from ..geometry import yaw_rotation
from ..lidar import CAMERA_IN_VEHICLE, Sweep, driving_class, motion, sweep
from ..nuscenes_rows import Release
from ..recording import Recording
from ..render import render
from ..sensor import encode_jpeg

NEXT = "ovstore ingest nuscenes {path}"
VERSION = "v1.0-mini"
SHARED = (VERSION, "samples", "sweeps", "maps", "lidarseg", "panoptic")
STEP = 500_000  # microseconds between keyframes
CAMERAS = {  # channel: yaw in degrees, microseconds after the keyframe
    "CAM_FRONT": (0, 12_000),
    "CAM_FRONT_RIGHT": (-55, 20_000),
    "CAM_BACK_RIGHT": (-110, 28_000),
    "CAM_BACK": (180, 37_000),
    "CAM_BACK_LEFT": (110, 47_000),
    "CAM_FRONT_LEFT": (55, 4_000),
}
SWEEPS = (-300_000, -150_000)  # microseconds before each keyframe but the first
LIDAR_TO_EGO = motion(yaw_rotation(-np.pi / 2), (0.0, 0.0, 0.06))
_ELEVATIONS = np.linspace(-30.67, 10.67, 32)
_COLUMNS = 180
_VELOCITY = np.array([0.12, 0.03, 0.0])  # metres a second
_TURNING = 0.1  # radians a second


def camera_to_ego(channel: str) -> NDArray[np.float64]:
    """(4, 4) where a camera is mounted: about the vehicle's middle, 3 cm from it, looking outward."""
    yaw = np.radians(CAMERAS[channel][0])
    return motion(yaw_rotation(yaw) @ CAMERA_IN_VEHICLE, (0.03 * np.cos(yaw), 0.03 * np.sin(yaw), 0.0))


def drift(microseconds: int) -> NDArray[np.float64]:
    """(4, 4) the vehicle's axes so long after a keyframe, to those at the keyframe."""
    seconds = microseconds * 1e-6
    return motion(yaw_rotation(_TURNING * seconds), seconds * _VELOCITY)


def ego_to_world(front_to_world: NDArray[np.float64], microseconds: int) -> NDArray[np.float64]:
    """(4, 4) the vehicle so long after a keyframe whose front camera took the picture from `front_to_world`."""
    at_picture = front_to_world @ np.linalg.inv(camera_to_ego("CAM_FRONT"))
    return at_picture @ np.linalg.inv(drift(CAMERAS["CAM_FRONT"][1])) @ drift(microseconds)


def write(folder: Path, recording: Recording) -> None:
    """A release of one scene, of all frames with a pose."""
    release = Release(recording.name, VERSION)
    for channel in CAMERAS:
        release.add_sensor(channel, camera_to_ego(channel), _camera(recording, channel))
    release.add_sensor("LIDAR_TOP", LIDAR_TO_EGO, None)
    tracked = [frame for frame in recording.frames if np.isfinite(frame.camera_to_world).all()]
    for number, frame in enumerate(tracked):
        release.add_sample(number * STEP)
        for offset in (*(SWEEPS if number else ()), 0):
            ego = ego_to_world(frame.camera_to_world, offset)
            seen = sweep(recording.scene.geometry, ego @ LIDAR_TO_EGO, _ELEVATIONS, _COLUMNS)
            token, path = release.add_data("LIDAR_TOP", offset, ego)
            _write(folder / path, _points(seen))
            if offset == 0:
                _write_labels(folder, release, token, recording, seen)
        for channel, (_, offset) in CAMERAS.items():
            ego = ego_to_world(frame.camera_to_world, offset)
            _, path = release.add_data(channel, offset, ego)
            if channel == "CAM_FRONT":
                _write(folder / path, frame.jpeg)
            else:
                pose = ego @ camera_to_ego(channel)
                picture = render(recording.scene.geometry, _camera(recording, channel), pose).rgb
                _write(folder / path, encode_jpeg(picture, 90))
    (folder / "maps").mkdir()
    Image.fromarray(np.full((16, 16), 255, np.uint8)).save(folder / release.map_path)
    (folder / VERSION).mkdir()
    for name, rows in release.finished().items():
        _write_table(folder / VERSION / f"{name}.json", rows)


def write_set(root: Path, names: Sequence[str]) -> None:
    """The scenes' releases become one: files side by side, rows one after the other."""
    tables: dict[str, dict[str, object]] = {}
    for name in names:
        for path in sorted((root / name).rglob("*")):
            place = root / path.relative_to(root / name)
            if path.is_dir():
                place.mkdir(exist_ok=True)
            elif place.parent.name != VERSION or path.suffix != ".json":
                path.rename(place)
        for path in sorted((root / name / VERSION).glob("*.json")):
            rows = tables.setdefault(path.name, {})
            rows.update((row["token"], row) for row in json.loads(path.read_bytes()))
        shutil.rmtree(root / name)
    for file, by_token in tables.items():
        _write_table(root / VERSION / file, list(by_token.values()))


def _camera(recording: Recording, channel: str) -> Camera:
    front = recording.color_camera
    return front if channel == "CAM_FRONT" else front.resized(front.width // 2, front.height // 2)


def _points(seen: Sweep) -> bytes:
    """x, y, z, intensity to 255, ring; with the axes of nuScenes' lidar, which are those of `sweep` once turned."""
    return np.column_stack([seen.xyz, np.rint(255 * seen.reflectance), seen.ring]).astype("<f4").tobytes()


def _write_labels(folder: Path, release: Release, token: str, recording: Recording, seen: Sweep) -> None:
    """lidarseg, panoptic and the boxes of what can be counted."""
    classes = [driving_class(placed) for placed in recording.scene.objects]
    category = np.array([c.nuscenes for c in classes], np.int32)[seen.object_id]
    points = np.bincount(seen.object_id, minlength=len(classes))
    number = np.zeros(len(classes), np.int32)  # instances of the scene count from 1
    for placed, kind in zip(recording.scene.objects, classes, strict=True):
        if kind.countable and points[placed.object_id]:
            number[placed.object_id] = release.add_box(placed, kind.nuscenes, int(points[placed.object_id]))
    panoptic = 1000 * category + number[seen.object_id]
    _write(folder / release.add_labels("lidarseg", token, "bin"), category.astype(np.uint8).tobytes())
    _write(folder / release.add_labels("panoptic", token, "npz"), _npz(panoptic.astype(np.uint16)))


def _npz(data: NDArray[np.uint16]) -> bytes:
    """What numpy.savez_compressed(data=...) writes, without the time of day in it."""
    array, packed = io.BytesIO(), io.BytesIO()
    np.save(array, data)
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(zipfile.ZipInfo("data.npy"), array.getvalue(), zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _write_table(path: Path, rows: object) -> None:
    path.write_text(json.dumps(rows, indent=0), encoding="ascii", newline="\n")
