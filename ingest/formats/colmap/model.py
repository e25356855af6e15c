"""COLMAP's sparse models: cameras, images and points3D, each a binary file (.bin, little-endian) or a text (.txt).

A folder with both is read as COLMAP reads it: binary first. Files of rigs and frames are passed over: each image has
its own pose in any version. Texts that other tools write may lack the lines of keypoints. The format is COLMAP's
doc/format.rst. Counts are held against the bytes that follow; nothing is believed before.
"""

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ....core.errors import BadScene
from ....core.regular import is_file, require_file
from ...cameras.lenses import MODELS, Lens, colmap_lens
from ...files.whole import opened_text

MAX_SIDE = 1 << 20  # pixels
MAX_TEXT = 1 << 32  # bytes
_PANORAMA = 17  # EQUIRECTANGULAR: a sphere, which is no lens
_POINT = np.dtype([("id", "<u8"), ("xyz", "<f8", 3), ("rgb", "u1", 3), ("error", "<f8")])
_KEYPOINT = np.dtype([("uv", "<f8", 2), ("point", "<u8")])
_NO_POINT = (1 << 64) - 1  # of a keypoint; -1 in texts
_TRACK_BYTES = 8
_NAMES = {model.number: name for name, model in MODELS.items()}


@dataclass(frozen=True)
class Images:
    """The registered images, in the order of the file."""

    names: tuple[str, ...]  # paths below the folder of the pictures
    camera_ids: tuple[int, ...]
    poses: NDArray[np.float64]  # (N, 7) qw qx qy qz tx ty tz of the world to the camera


@dataclass(frozen=True)
class Points:
    """The points that images share."""

    xyz: NDArray[np.float64]  # (N, 3) units of the world
    rgb: NDArray[np.uint8]  # (N, 3)
    error: NDArray[np.float64]  # (N,) pixels, the mean over the images that show it; -1 not known
    track_length: NDArray[np.int64]  # (N,) images that show it
    ids: NDArray[np.uint64]  # (N,)


@dataclass(frozen=True)
class Keypoints:
    """Where an image shows points."""

    uv: NDArray[np.float64]  # (K, 2) pixels from the picture's corner
    point_ids: NDArray[np.uint64]  # (K,)


def model_file(folder: Path, part: str) -> Path | None:
    """The file of "cameras", "images" or "points3D" in a model's folder."""
    files = (folder / f"{part}.bin", folder / f"{part}.txt")
    return next((file for file in files if is_file(file)), None)


def read_cameras(path: Path) -> dict[int, Lens]:
    """camera id -> lens."""
    cameras = dict(_binary_cameras(path) if path.suffix == ".bin" else _text_cameras(path))
    if not cameras:
        raise BadScene(f"{path}: no cameras in it")
    return cameras


def read_images(path: Path) -> Images:
    """The images and their poses."""
    rows = list(_binary_images(path) if path.suffix == ".bin" else _text_images(path))
    if not rows:
        raise BadScene(f"{path}: no registered images in it")
    names, camera_ids, poses, _ = zip(*rows, strict=True)
    return Images(names, camera_ids, np.array(poses, np.float64))


def read_keypoints(path: Path, wanted: frozenset[str]) -> dict[str, Keypoints]:
    """Those of the images of these names that belong to points."""
    read = _binary_images(path, wanted) if path.suffix == ".bin" else _text_images(path, wanted)
    return {name: keypoints for name, _, _, keypoints in read if keypoints is not None}


def read_points(path: Path) -> Points:
    """The points; there may be none."""
    return _binary_points(path) if path.suffix == ".bin" else _text_points(path)


_Image = tuple[str, int, tuple[float, ...], Keypoints | None]  # name, camera, pose, keypoints that were wanted


class _Bytes:
    """A binary file, read from its beginning to its end."""

    def __init__(self, path: Path) -> None:
        self.path, self.at = path, 0
        require_file(path)
        try:
            with path.open("rb") as file:
                self.data: mmap.mmap | bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError:  # an empty file cannot be mapped
            self.data = b""
        except OSError as error:
            raise BadScene(f"{path}: {error.strerror or error}") from error

    def take(self, layout: struct.Struct) -> tuple[float, ...]:
        """The numbers that come next."""
        self.skip(layout.size)
        return layout.unpack_from(self.data, self.at - layout.size)

    def skip(self, count: int) -> None:
        if count > len(self.data) - self.at:
            raise BadScene(f"{self.path}: truncated: {count:,} bytes were expected at byte {self.at:,}")
        self.at += count

    def records(self) -> Iterator[int]:
        """0, 1, ... as many as the file's first number says, which must take all of its bytes."""
        (count,) = self.take(struct.Struct("<Q"))
        yield from range(int(count))
        if self.at != len(self.data):
            raise BadScene(f"{self.path}: {len(self.data) - self.at:,} bytes more than its {count:,} records take")


def _binary_cameras(path: Path) -> Iterator[tuple[int, Lens]]:
    file, head = _Bytes(path), struct.Struct("<IiQQ")
    for _ in file.records():
        camera_id, number, width, height = (int(value) for value in file.take(head))
        if number not in _NAMES:
            raise _no_lens(path, camera_id, "EQUIRECTANGULAR" if number == _PANORAMA else str(number))
        numbers = file.take(struct.Struct(f"<{MODELS[_NAMES[number]].count}d"))
        yield camera_id, _lens(path, camera_id, _NAMES[number], width, height, numbers)


def _text_cameras(path: Path) -> Iterator[tuple[int, Lens]]:
    for number, line in _lines(path):
        if not _is_remark(line):
            words = line.split()
            try:
                camera_id, model, width, height = int(words[0]), words[1], int(words[2]), int(words[3])
                numbers = tuple(float(word) for word in words[4:])
            except (ValueError, IndexError) as error:
                raise _misread(path, number, line, "CAMERA_ID MODEL WIDTH HEIGHT PARAMS") from error
            if model not in MODELS:
                raise _no_lens(path, camera_id, model)
            yield camera_id, _lens(path, camera_id, model, width, height, numbers)


def _no_lens(path: Path, camera_id: int, model: str) -> BadScene:
    if model == "EQUIRECTANGULAR":
        return BadScene(f"{path}: camera {camera_id} is a panorama of the whole sphere; cut it into views first")
    return BadScene(f"{path}: camera {camera_id} has the model {model[:40]!r}; known: {', '.join(MODELS)}")


def _lens(path: Path, camera_id: int, model: str, width: int, height: int, numbers: tuple[float, ...]) -> Lens:
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise BadScene(f"{path}: camera {camera_id} has images of {width:,}x{height:,} pixels")
    try:
        return colmap_lens(model, width, height, numbers)
    except BadScene as error:
        raise BadScene(f"{path}: camera {camera_id}: {error}") from error


def _binary_images(path: Path, wanted: frozenset[str] = frozenset()) -> Iterator[_Image]:
    file, head, count = _Bytes(path), struct.Struct("<I7dI"), struct.Struct("<Q")
    for number in file.records():
        _, *pose, camera_id = file.take(head)
        end = file.data.find(b"\0", file.at)
        if end < 0:
            raise BadScene(f"{path}: truncated in the name of image {number + 1}")
        try:
            name = file.data[file.at : end].decode("utf-8")
        except UnicodeDecodeError as error:
            raise BadScene(f"{path}: the name of image {number + 1} is not UTF-8 text") from error
        file.skip(end + 1 - file.at)
        (keypoints,) = file.take(count)
        start = file.at
        file.skip(int(keypoints) * _KEYPOINT.itemsize)
        there = np.frombuffer(file.data, _KEYPOINT, int(keypoints), start) if name in wanted else None
        yield name, int(camera_id), tuple(pose), None if there is None else _of_points(there["uv"], there["point"])


def _text_images(path: Path, wanted: frozenset[str] = frozenset()) -> Iterator[_Image]:
    """Two lines an image; the second, of keypoints, is empty where it has none, and left out by some tools."""
    image: _Image | None = None  # waits for its keypoints
    for number, line in _lines(path):
        if image is not None and (not line.strip() or _is_keypoints(line)):
            yield (*image[:3], _text_keypoints(path, number, line) if image[0] in wanted else None)
            image = None
        elif not _is_remark(line):
            if image is not None:
                yield image
            words = line.split(maxsplit=9)
            try:
                pose, camera_id, name = tuple(float(word) for word in words[1:8]), int(words[8]), words[9].strip()
            except (ValueError, IndexError) as error:
                raise _misread(path, number, line, "IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME") from error
            image = name, camera_id, pose, None
    if image is not None:
        yield image


def _is_keypoints(line: str) -> bool:
    """Whether a line is X, Y and an id, any number of times; that of an image has ten words, the last one its name."""
    words = line.split(maxsplit=12)
    first = words[:12]
    try:
        for word in first:
            float(word)
    except ValueError:
        return False
    return len(first) % 3 == 0


def _text_keypoints(path: Path, number: int, line: str) -> Keypoints:
    try:
        rows = np.array(line.split(), np.float64).reshape(-1, 3)
    except ValueError as error:
        raise _misread(path, number, line, "X Y POINT3D_ID, three numbers per keypoint") from error
    return _of_points(rows[:, :2], np.where(rows[:, 2] < 0, float(_NO_POINT), rows[:, 2]))


def _of_points(uv: NDArray[np.float64], ids: NDArray[np.generic]) -> Keypoints:
    with np.errstate(invalid="ignore"):
        known = ids.astype(np.uint64)
    shown = ids < _NO_POINT  # type: ignore[operator]
    return Keypoints(np.array(uv[shown], np.float64), known[shown])


def _binary_points(path: Path) -> Points:
    file, count = _Bytes(path), struct.Struct("<Q")
    starts, lengths = [], []
    for _ in file.records():
        starts.append(file.at)
        file.skip(_POINT.itemsize)
        (length,) = file.take(count)
        file.skip(int(length) * _TRACK_BYTES)
        lengths.append(int(length))
    every = np.frombuffer(file.data, np.uint8)[np.array(starts, np.int64)[:, None] + np.arange(_POINT.itemsize)]
    points = every.view(_POINT).reshape(-1)
    xyz, rgb, error = (np.ascontiguousarray(points[name]) for name in ("xyz", "rgb", "error"))
    return Points(xyz, rgb, error, np.array(lengths, np.int64), np.ascontiguousarray(points["id"]))


def _text_points(path: Path) -> Points:
    numbers, lengths, ids = [], [], []
    for number, line in _lines(path):
        if not _is_remark(line):
            words = line.split()
            try:
                numbers.append([float(word) for word in words[1:8]])
                lengths.append((len(words) - 8) // 2)
                ids.append(int(words[0]))
                whole = len(words) >= 8 and len(words) % 2 == 0 and all(0 <= value <= 255 for value in numbers[-1][3:6])
                whole = whole and 0 <= ids[-1] < _NO_POINT
            except ValueError:
                whole = False
            if not whole:
                raise _misread(path, number, line, "POINT3D_ID X Y Z R G B ERROR, then two numbers per image")
    rows = np.array(numbers, np.float64).reshape(-1, 7)
    rgb, error = rows[:, 3:6].astype(np.uint8), rows[:, 6]
    return Points(rows[:, :3], rgb, error, np.array(lengths, np.int64), np.array(ids, np.uint64))


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines and their numbers from 1 on."""
    with opened_text(path, MAX_TEXT) as file:
        yield from enumerate(file, start=1)


def _is_remark(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _misread(path: Path, number: int, line: str, expected: str) -> BadScene:
    return BadScene(f"{path}, line {number}: {line.strip()[:60]!r}; expected {expected}")
