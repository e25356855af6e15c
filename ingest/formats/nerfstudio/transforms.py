"""transforms.json, as Blender's synthetic scenes, instant-ngp, nerfstudio and ns-process-data write it.

    {"camera_model": "OPENCV", "fl_x": .., "fl_y": .., "cx": .., "cy": .., "w": .., "h": .., "k1": .., "p1": ..,
     "applied_transform": 3x4, "applied_scale": 1.0, "ply_file_path": "sparse_pc.ply",
     "frames": [{"file_path": "images/frame_00001.png", "transform_matrix": 4x4, "depth_file_path": ..}, ..]}

What a frame says goes before what the file says for all. Poses are camera-to-world with OpenGL's axes; pixels count
from the picture's corner, so that principal points lie half a pixel further on than the house's. Facts:
nerfstudio/data/dataparsers/{nerfstudio,instant_ngp,blender}_dataparser.py and instant-ngp/src/nerf_loader.cu.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....core.errors import BadScene
from ...cameras.lenses import Lens
from ...cameras.panorama import MODEL as PANORAMA
from ...cameras.written import LENS_KEYS, number, scalar_bend
from ...files.json_text import read_object
from ...files.naming import naming
from ...files.poses import from_opengl_axes
from ..skipped import skipped

_SAME_SHAPE = 0.02  # by which width : height of a picture and of its camera may differ when the picture was scaled
_INTRINSICS = frozenset(
    {*LENS_KEYS, "distortion_params", "camera_model", "is_fisheye", "w", "h", "cx", "cy"}
    | {f"{word}{axis}" for axis in "xy" for word in ("fl_", "camera_angle_")}
    | {"x_fov", "y_fov"}
)
_NO_PLANE = ("ftheta_p0", "latlong", "equirectangular")  # lenses of instant-ngp
_MOVING = ("rolling_shutter", "rolling_shutter_time")  # instant-ngp's and those of deblurring tools
_Entry = tuple[str, int, Any]  # the list's key, the place in it, the frame

MAX_FRAMES = 50_000  # each is looked for on disk


@dataclass(frozen=True)
class Listed:
    """A frame as the file lists it."""

    file_path: str
    depth_file_path: str  # "" where there is none
    camera_to_world: NDArray[np.float64]  # (4, 4) OpenCV axes, in the file's units; may be non-finite
    numbers: dict[str, Any]  # the intrinsics, its own before those of the file
    where: str  # the file and the frame's place in it, for people
    mask_path: str = ""  # "" where there is none


@dataclass(frozen=True)
class Transforms:
    """One file."""

    path: Path
    frames: tuple[Listed, ...]
    applied_transform: NDArray[np.float64] | None  # (3, 4) original world to the world of the poses
    applied_scale: float  # by which the poses were scaled after that
    ply_file_path: str  # "" where there is none
    depth_unit: float | None  # units of the world that 1 stored in a depth picture stands for; None: not said
    lists: dict[str, frozenset[str]]  # "train", "val", "test" -> file_paths
    notes: tuple[str, ...] = ()  # what the file says that is not used, and frames that it calls bad


def read_transforms(path: Path, keys: Sequence[str] = ("frames",)) -> Transforms:
    """The frames of all the lists named by `keys` that the file has."""
    body = read_object(path)
    if not any(isinstance(body.get(key), list) for key in keys):
        raise BadScene(f"{path}: no list 'frames' in it; a transforms.json of nerfstudio or instant-ngp was expected")
    entries = [(key, number, entry) for key in keys for number, entry in enumerate(_list(path, body, key))]
    if len(entries) > MAX_FRAMES:
        raise BadScene(f"{path}: {len(entries):,} frames; at most {MAX_FRAMES:,} are read")
    entries, notes = _usable(path, body, entries)
    applied = body.get("applied_transform")
    scale = number(path, body, "applied_scale")
    unit = number(path, body, "depth_unit_scale_factor", "integer_depth_scale")
    for name, value in (("applied_scale", scale), ("depth unit", unit)):
        if value is not None and not value > 0:
            raise BadScene(f"{path}: {name} is {value}; a positive number was expected")
    return Transforms(
        path,
        tuple(listed(f"{path}, {key}[{number}]", body, entry) for key, number, entry in entries),
        None if applied is None else _matrix(f"{path}: applied_transform", applied)[:3],
        1.0 if scale is None else scale,
        _text(f"{path}", body, "ply_file_path"),
        unit,
        {
            split: frozenset(_filenames(path, body[f"{split}_filenames"]))
            for split in ("train", "val", "test")
            if f"{split}_filenames" in body
        },
        tuple(notes),
    )


def _usable(path: Path, body: dict[str, Any], entries: list[_Entry]) -> tuple[list[_Entry], list[str]]:
    """The entries less those that the file itself calls bad, and findings about keys that are not used."""
    frames = [entry if isinstance(entry, dict) else {} for _, _, entry in entries]
    told = [body, *frames]
    for key in _NO_PLANE:
        if any(one.get(key) for one in told):
            raise BadScene(f"{path}: {key} is not a perspective image; cut it into perspective images first")
    bad = [
        place for place, (_, _, entry) in enumerate(entries) if isinstance(entry, dict) and entry.get("is_bad") is True
    ]
    names = [str(frames[place].get("file_path")) for place in bad]
    notes = skipped(names, len(entries), "the file calls them bad (is_bad)")
    if moving := [key for key in _MOVING if any(_is_set(one.get(key)) for one in told)]:
        notes.append(f"{', '.join(moving)} of {path.name} is not used: images are treated as taken in one instant")
    return [entry for place, entry in enumerate(entries) if place not in set(bad)], notes


def _is_set(value: Any) -> bool:
    return any(value) if isinstance(value, list) else bool(value)


def listed(where: str, body: dict[str, Any], entry: Any) -> Listed:
    """One frame; `body` says what holds for all."""
    if not isinstance(entry, dict) or not isinstance(entry.get("file_path"), str):
        raise BadScene(f"{where}: an object with 'file_path' and 'transform_matrix' was expected")
    if "transform_matrix" not in entry:
        raise BadScene(f"{where}: no 'transform_matrix'; poses that change during an image are not supported")
    matrix = _matrix(f"{where}: transform_matrix", entry["transform_matrix"])
    depth = _text(where, entry, "depth_file_path") or _text(where, entry, "depth_path")
    numbers = {key: value for source in (body, entry) for key, value in source.items() if key in _INTRINSICS}
    pose, mask = from_opengl_axes(matrix[None])[0], _text(where, entry, "mask_path")
    return Listed(entry["file_path"], depth, pose, numbers, where, mask)


def is_panorama(entry: Listed) -> bool:
    """Whether its picture shows the whole sphere."""
    return entry.numbers.get("camera_model") == PANORAMA


def lens_of(entry: Listed, width: int, height: int) -> Lens:
    """The camera of a picture of this size; the file's own size may be another of the same shape."""
    where, numbers = entry.where, entry.numbers
    w, h = (_size(where, numbers, key) or size for key, size in (("w", width), ("h", height)))
    if abs(w * height / (h * width) - 1) > _SAME_SHAPE:
        turned = " (is it stored rotated?)" if (w > h) != (width > height) else ""
        raise BadScene(f"{where}: its camera has {w}x{h} pixels, its image {width}x{height}{turned}")
    fx, fy = (_focal(where, numbers, axis, size) for axis, size in (("x", w), ("y", h)))
    if fx is None and fy is None:
        raise BadScene(f"{where}: no focal length; fl_x, camera_angle_x or x_fov was expected")
    cx, cy = number(where, numbers, "cx"), number(where, numbers, "cy")
    model, params = scalar_bend(where, numbers)
    with naming(where):
        lens = Lens(
            model,
            w,
            h,
            fx if fx is not None else fy,  # type: ignore[arg-type]
            fy if fy is not None else fx,  # type: ignore[arg-type]
            (w / 2 if cx is None else cx) - 0.5,
            (h / 2 if cy is None else cy) - 0.5,
            params,
        )
    return lens if (w, h) == (width, height) else lens.resized(width, height)


def _focal(where: str, numbers: dict[str, Any], axis: str, size: int) -> float | None:
    """Pixels, from fl_*, *_fov in degrees or camera_angle_* in radians."""
    if (focal := number(where, numbers, f"fl_{axis}")) is not None:
        return focal
    degrees, radians = number(where, numbers, f"{axis}_fov"), number(where, numbers, f"camera_angle_{axis}")
    angle = radians if degrees is None else math.radians(degrees)
    if angle is None:
        return None
    if not 0 < angle < math.pi:
        raise BadScene(f"{where}: a view of {math.degrees(angle):g} degrees; 0 to 180 were expected")
    return size / 2 / math.tan(angle / 2)


def _size(where: str, numbers: dict[str, Any], key: str) -> int | None:
    value = number(where, numbers, key)
    if value is not None and not (1 <= value < 1 << 31 and value == int(value)):
        raise BadScene(f"{where}: {key} = {value:g} is not a number of pixels")
    return None if value is None else int(value)


def _matrix(what: str, rows: Any) -> NDArray[np.float64]:
    """(4, 4) from rows of numbers, the last of which may be left out."""
    try:
        matrix = np.array(rows, np.float64)
    except (TypeError, ValueError, OverflowError):
        matrix = np.empty(0)
    if matrix.shape == (3, 4):
        return np.concatenate([matrix, [[0.0, 0.0, 0.0, 1.0]]])
    if matrix.shape != (4, 4):
        raise BadScene(f"{what} is {str(rows)[:40]!r}; 4 rows of 4 numbers were expected")
    if np.isfinite(matrix).all() and np.abs(matrix[3] - [0, 0, 0, 1]).max() > 1e-4:
        raise BadScene(f"{what} ends with {matrix[3].tolist()} instead of 0 0 0 1")
    return matrix


def _list(path: Path, body: dict[str, Any], key: str) -> list[Any]:
    value = body.get(key, [])
    if not isinstance(value, list):
        raise BadScene(f"{path}: {key!r} is not a list")
    return value


def _filenames(path: Path, value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise BadScene(f"{path}: train_filenames, val_filenames and test_filenames are lists of file paths")
    return value


def _text(where: str, body: dict[str, Any], key: str) -> str:
    value = body.get(key)
    if value is not None and not isinstance(value, str):
        raise BadScene(f"{where}: {key} is {str(value)[:40]!r}; a path was expected")
    return value or ""
