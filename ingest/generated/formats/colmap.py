"""A COLMAP workspace: images of a lens with distortion, and the sparse model in sparse/0."""

import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial.transform import Rotation

from ....core.scene import Camera
from ...cameras.lenses import MODELS, Lens, distort
from ..lens_pictures import through
from ..recording import RecordedFrame, Recording
from ..sensor import encode_jpeg

NEXT = "ovstore ingest colmap {path}"
_BEND = (-0.09, 0.012, 0.0006, -0.0004)  # k1, k2, p1, p2 of the lens
_CLOSER = 1.2  # times the recording's focal length: what the lens shows, the recording has
_POINTS = 4000  # at most
_TOLERANCE = 0.02  # metres between a point and the reading that shows it
_JITTER = 0.3  # pixels between a keypoint and its point
_NO_POINT = (1 << 64) - 1  # point id of a keypoint that belongs to none; -1 in texts


@dataclass(frozen=True)
class _Image:
    """A registered image; its keypoints are those of the points it shows, but for every tenth."""

    number: int
    name: str
    pose: tuple[float, ...]  # qw qx qy qz tx ty tz of the world to the camera
    keypoints: NDArray[np.float64]  # (K, 2) from the picture's corner
    point_ids: NDArray[np.uint64]  # (K,)


@dataclass(frozen=True)
class _Point:
    """A point of the model."""

    number: int
    xyz: tuple[float, float, float]
    rgb: tuple[int, int, int]
    error: float
    track: tuple[tuple[int, int], ...]  # image number, row of its keypoints


@dataclass(frozen=True)
class Model:
    """A sparse model."""

    lens: Lens
    images: tuple[_Image, ...]
    points: tuple[_Point, ...]


def write(folder: Path, recording: Recording) -> None:
    """All files of one scene; frames without tracking have a picture and are not registered."""
    lens = lens_of(recording.color_camera)
    (folder / "images").mkdir()
    for number, frame in enumerate(recording.frames):
        rgb = np.asarray(Image.open(io.BytesIO(frame.jpeg)))
        (folder / "images" / _name(number)).write_bytes(encode_jpeg(through(lens, rgb, recording.color_camera), 95))
    (folder / "sparse" / "0").mkdir(parents=True)
    write_binary(folder / "sparse" / "0", sparse_model(recording, lens))


def write_set(root: Path, names: Sequence[str]) -> None:
    """Nothing: the folders are the set."""


def lens_of(camera: Camera) -> Lens:
    """A lens that shows a part of what `camera` shows."""
    fx, fy = camera.fx * _CLOSER, camera.fy * _CLOSER
    return Lens("OPENCV", camera.width, camera.height, fx, fy, camera.cx, camera.cy, _BEND)


def sparse_model(recording: Recording, lens: Lens) -> Model:
    """Points of the mesh with the frames whose depth shows them, those of two and more frames; keypoints are off."""
    rng = np.random.default_rng(0)
    rows = np.sort(rng.permutation(len(recording.mesh.xyz))[:_POINTS])
    xyz = recording.mesh.xyz[rows].astype(np.float64)
    tracked = [
        (number, frame) for number, frame in enumerate(recording.frames) if np.isfinite(frame.camera_to_world).all()
    ]
    shown = {number: _shown(xyz, frame, recording.depth_camera, lens) for number, frame in tracked}
    views = np.sum([np.isfinite(uv[:, 0]) for uv in shown.values()], axis=0)
    tracks: dict[int, list[tuple[int, int]]] = {row: [] for row in np.flatnonzero(views >= 2).tolist()}
    errors: dict[int, list[float]] = {row: [] for row in tracks}
    images = []
    for number, frame in tracked:
        uv = shown[number]
        seen = np.flatnonzero(np.isfinite(uv[:, 0]))
        offset = rng.normal(0, _JITTER, (len(seen), 2))
        ids = np.where(np.isin(seen, list(tracks)), seen + 1, _NO_POINT).astype(np.uint64)
        for keypoint, row in enumerate(seen.tolist()):
            if row in tracks:
                tracks[row].append((number + 1, keypoint))
                errors[row].append(float(np.linalg.norm(offset[keypoint])))
        images.append(_Image(number + 1, _name(number), _pose(frame), uv[seen] + 0.5 + offset, ids))
    colours = recording.mesh.rgb[rows].tolist()
    points = (
        _Point(row + 1, tuple(xyz[row].tolist()), tuple(colours[row]), float(np.mean(errors[row])), tuple(track))
        for row, track in tracks.items()
    )
    return Model(lens, tuple(images), tuple(points))


def write_binary(folder: Path, model: Model) -> None:
    """cameras.bin, images.bin and points3D.bin."""
    lens = model.lens
    cameras = [struct.pack("<QIiQQ", 1, 1, MODELS[lens.model].number, lens.width, lens.height)]
    cameras.append(struct.pack(f"<{MODELS[lens.model].count}d", *_numbers(lens)))
    images = [struct.pack("<Q", len(model.images))]
    for image in model.images:
        keypoints = np.zeros(len(image.keypoints), [("uv", "<f8", 2), ("point", "<u8")])
        keypoints["uv"], keypoints["point"] = image.keypoints, image.point_ids
        images += [struct.pack("<I7dI", image.number, *image.pose, 1), image.name.encode() + b"\0"]
        images += [struct.pack("<Q", len(keypoints)), keypoints.tobytes()]
    points = [struct.pack("<Q", len(model.points))]
    for point in model.points:
        points.append(struct.pack("<Q3d3BdQ", point.number, *point.xyz, *point.rgb, point.error, len(point.track)))
        points += [struct.pack("<II", *element) for element in point.track]
    for name, parts in (("cameras", cameras), ("images", images), ("points3D", points)):
        (folder / f"{name}.bin").write_bytes(b"".join(parts))


def write_text(folder: Path, model: Model) -> None:
    """cameras.txt, images.txt and points3D.txt."""
    lens = model.lens
    cameras = ["# Camera list with one line of data per camera:", "#   CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]"]
    cameras += ["# Number of cameras: 1", f"1 {lens.model} {lens.width} {lens.height} {_words(_numbers(lens))}"]
    images = ["# Image list with two lines of data per image:"]
    images += ["#   IMAGE_ID, QW, QX, QY, QZ, TX, TY, TZ, CAMERA_ID, NAME", "#   POINTS2D[] as (X, Y, POINT3D_ID)"]
    for image in model.images:
        images.append(f"{image.number} {_words(image.pose)} 1 {image.name}")
        ids = [-1 if number == _NO_POINT else number for number in image.point_ids.tolist()]
        keypoints = zip(image.keypoints.tolist(), ids, strict=True)
        images.append(" ".join(f"{x!r} {y!r} {number}" for (x, y), number in keypoints))
    points = ["# 3D point list with one line of data per point:"]
    points.append("#   POINT3D_ID, X, Y, Z, R, G, B, ERROR, TRACK[] as (IMAGE_ID, POINT2D_IDX)")
    for point in model.points:
        track = [number for element in point.track for number in element]
        points.append(f"{point.number} {_words(point.xyz)} {_words(point.rgb)} {point.error!r} {_words(track)}")
    for name, lines in (("cameras", cameras), ("images", images), ("points3D", points)):
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def _shown(xyz: NDArray[np.float64], frame: RecordedFrame, camera: Camera, lens: Lens) -> NDArray[np.float64]:
    """(N, 2) uv of the points in the lens's picture; nan for those outside of it or not met by the depth's reading."""
    local = (xyz - frame.camera_to_world[:3, 3]) @ frame.camera_to_world[:3, :3]
    ahead = local[:, 2] > 0.1
    rays = np.full((len(xyz), 2), np.nan)
    rays[ahead] = local[ahead, :2] / local[ahead, 2:]
    uv = distort(lens, rays)
    pixel = np.rint(rays * [camera.fx, camera.fy] + [camera.cx, camera.cy])
    shown = (pixel >= 0).all(axis=1) & (pixel < [camera.width, camera.height]).all(axis=1)
    shown &= (uv >= 0).all(axis=1) & (uv <= [lens.width - 1, lens.height - 1]).all(axis=1)
    column, row = np.where(shown[:, None], pixel, 0).astype(int).T
    reading = frame.depth[row, column] / 1000
    uv[~(shown & (np.abs(reading - local[:, 2]) < _TOLERANCE))] = np.nan
    return uv


def _pose(frame: RecordedFrame) -> tuple[float, ...]:
    world_to_camera = np.linalg.inv(frame.camera_to_world)
    x, y, z, w = Rotation.from_matrix(world_to_camera[:3, :3]).as_quat().tolist()
    return (w, x, y, z, *world_to_camera[:3, 3].tolist())


def _numbers(lens: Lens) -> tuple[float, ...]:
    """COLMAP's parameters: the principal point counts from the picture's corner."""
    focal = (lens.fx, lens.fy)[: MODELS[lens.model].focal_count]
    return (*focal, lens.cx + 0.5, lens.cy + 0.5, *lens.params)


def _words(numbers: Sequence[float]) -> str:
    return " ".join(repr(number) for number in numbers)


def _name(number: int) -> str:
    return f"{number:04d}.jpg"
