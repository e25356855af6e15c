"""Pictures, depth and poses of an RGB-D folder, put together frame by frame."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ....store.errors import BadScene
from ....store.scene import Camera, Frame
from ...files.images import FLOAT_DEPTH_SUFFIXES, image_size
from ...files.intrinsics import Intrinsics, read_intrinsics
from ...files.naming import naming
from ...files.poses import from_opengl_axes, inverted, read_pose, read_trajectory
from ..selection import spread
from .layout import Layout, match, nearest, order, timestamp

SHAPE_TOLERANCE = 0.02  # by which width : height of depth and image may differ and still be one field of view
INTEGER_DEPTH_SCALE, FLOAT_DEPTH_SCALE = 1000.0, 1.0


@dataclass(frozen=True)
class Reading:
    """The conventions that files do not tell, and how many frames are wanted."""

    focal: tuple[float, float | None, float | None, float | None] | None = None  # fx, fy, cx, cy; None: from a file
    depth_scale: float | None = None  # stored units per metre
    world_to_camera: bool = False
    opengl_axes: bool = False
    world_scale: float = 1.0  # units of the poses per metre
    stride: int = 1
    limit: int | None = None


@dataclass(frozen=True)
class _Poses:
    """Camera-to-world of the images that have one."""

    matrices: dict[str, NDArray[np.float64]]  # (4, 4) by stem; not finite where tracking was lost
    seconds: dict[str, float]
    finding: str


def read_frames(folder: Path, layout: Layout, reading: Reading) -> tuple[tuple[Frame, ...], list[str]]:
    """The frames with a valid pose (and depth, where there is depth at all), and findings."""
    stems = sorted(layout.images, key=order)
    poses = _poses(folder, stems, layout, reading)
    depths = match(stems, layout.depths)
    if layout.depths and not depths:
        raise BadScene(_unrelated(folder, "depth pictures", layout.depths, layout.images))
    findings = [poses.finding]
    complete = [stem for stem in stems if stem in poses.matrices and (stem in depths or not depths)]
    if len(complete) < len(stems):
        findings.append(
            f"{len(stems) - len(complete)} of {len(stems)} images skipped: no pose or no depth of their own"
        )
    chosen = complete[:: reading.stride]
    tracked = [stem for stem in chosen if np.isfinite(poses.matrices[stem]).all() and poses.matrices[stem].any()]
    if len(tracked) < len(chosen):
        findings.append(f"{len(chosen) - len(tracked)} of {len(chosen)} frames skipped: no valid camera_to_world")
    if not tracked:
        raise BadScene(f"{folder.name}: no usable frame ({'; '.join(findings)})")
    used = spread(tracked, reading.limit)
    cameras = _color_cameras(folder, layout, reading, used)
    depth_intrinsics = None if layout.depth_intrinsics is None else read_intrinsics(layout.depth_intrinsics)
    return tuple(
        Frame(
            stem,
            cameras[stem],
            poses.matrices[stem],
            layout.images[stem],
            depths.get(stem),
            _depth_camera(depths.get(stem), cameras[stem], depth_intrinsics),
            _depth_scale(depths.get(stem), reading),
            timestamp=poses.seconds.get(stem),
        )
        for stem in used
    ), findings


def _poses(folder: Path, stems: list[str], layout: Layout, reading: Reading) -> _Poses:
    seconds = {stem: time for stem in stems if (time := timestamp(stem)) is not None}
    if isinstance(layout.poses, dict):
        files = match(stems, layout.poses)
        if not files:
            raise BadScene(_unrelated(folder, "pose files", layout.poses, layout.images))
        owners = list(files)
        matrices = np.array([read_pose(files[stem]) for stem in owners])
        finding = f"poses: one file a frame in {files[owners[0]].parent.name}"
    else:
        trajectory = read_trajectory(layout.poses)
        rows = _rows_of_images(layout.poses, stems, len(trajectory), trajectory.timestamps, seconds)
        owners = list(rows)
        matrices = trajectory.matrices[list(rows.values())]
        finding = f"poses: {layout.poses.name} ({trajectory.style})"
        if trajectory.timestamps is not None:
            seconds = {stem: trajectory.timestamps[row] for stem, row in rows.items()}
    if reading.world_to_camera:
        matrices = inverted(matrices)
    if reading.opengl_axes:
        matrices = from_opengl_axes(matrices)
    matrices[:, :3, 3] /= reading.world_scale
    return _Poses(dict(zip(owners, matrices, strict=True)), seconds, finding)


def _rows_of_images(
    path: Path, stems: list[str], count: int, pose_times: tuple[float, ...] | None, image_times: dict[str, float]
) -> dict[str, int]:
    """Which pose of a trajectory belongs to which image: by time, in order when they are as many, or by number."""
    if pose_times is not None and len(image_times) == len(stems):
        candidates = sorted((time, row) for row, time in enumerate(pose_times))
        rows = {stem: nearest(time, candidates) for stem, time in image_times.items()}
        if found := {stem: row for stem, row in rows.items() if row is not None}:
            return found
        raise BadScene(
            f"{path}: poses from {pose_times[0]:.3f} s to {pose_times[-1]:.3f} s, none near an image "
            f"({stems[0]} to {stems[-1]})"
        )
    if count == len(stems):
        return {stem: row for row, stem in enumerate(stems)}
    numbers = {stem: int(order(stem)[0]) for stem in stems}
    if len(set(numbers.values())) == len(stems) and min(numbers.values()) >= 0 and max(numbers.values()) < count:
        return numbers
    raise BadScene(
        f"{path}: {count} poses for {len(stems)} images; expected as many, or images numbered from 0 to {count - 1}"
    )


def _color_cameras(folder: Path, layout: Layout, reading: Reading, stems: list[str]) -> dict[str, Camera]:
    """The camera of each image, at the size that the image has."""
    sizes = {stem: image_size(layout.images[stem]) for stem in stems}
    if reading.focal is not None:
        _require_one_size(folder, sizes, "--fx")
        return {stem: _given(reading.focal, *size) for stem, size in sizes.items()}
    if layout.intrinsics is None:
        raise BadScene(
            f"{folder}: no intrinsics; looked for intrinsic.txt, camera_intrinsic.json and other usual names. "
            "Name the file with --intrinsics, or give --fx --fy --cx --cy"
        )
    if isinstance(layout.intrinsics, Path):
        shared = read_intrinsics(layout.intrinsics)
        if shared.width is None or shared.height is None:
            _require_one_size(folder, sizes, layout.intrinsics.name)
        return {stem: _camera(shared, layout.images[stem], size) for stem, size in sizes.items()}
    files = match(stems, layout.intrinsics)
    if len(files) < len(stems):
        missing = next(stem for stem in stems if stem not in files)
        raise BadScene(
            f"{folder}: {len(files)} of {len(stems)} images have intrinsics of their own; {missing} has none"
        )
    return {stem: _camera(read_intrinsics(files[stem]), layout.images[stem], size) for stem, size in sizes.items()}


def _camera(intrinsics: Intrinsics, image: Path, size: tuple[int, int]) -> Camera:
    with naming(image):
        return intrinsics.camera(*size)


def _require_one_size(folder: Path, sizes: dict[str, tuple[int, int]], source: str) -> None:
    """Intrinsics that do not say which size they are about cannot be those of images of two."""
    first = {size: stem for stem, size in reversed(sizes.items())}
    if len(first) > 1:
        (one, stem), (other, odd) = sorted(first.items(), key=lambda item: order(item[1]))[:2]
        raise BadScene(
            f"{folder}: images of {len(first)} sizes ({stem}: {one[0]}x{one[1]}, {odd}: {other[0]}x{other[1]}), and "
            f"{source} does not say which it is about: give each image its own intrinsics in a folder, or one file "
            "with width and height"
        )


def _given(focal: tuple[float, float | None, float | None, float | None], width: int, height: int) -> Camera:
    fx, fy, cx, cy = focal
    return Camera(
        width,
        height,
        fx,
        fx if fy is None else fy,
        (width - 1) / 2 if cx is None else cx,
        (height - 1) / 2 if cy is None else cy,
    )


def _depth_camera(path: Path | None, color: Camera, own: Intrinsics | None) -> Camera | None:
    """The depth picture's camera: its own intrinsics, else the colour camera's field of view at the depth's size."""
    if path is None:
        return None
    size = image_size(path)
    if own is not None:
        return _camera(own, path, size)
    if size == (color.width, color.height):
        return color
    if not abs(size[0] * color.height / (size[1] * color.width) - 1) < SHAPE_TOLERANCE:
        raise BadScene(
            f"{path}: {size[0]}x{size[1]} readings for an image of {color.width}x{color.height} pixels have another "
            "shape, so another camera: give its intrinsics in a file intrinsics_depth.txt"
        )
    return color.resized(*size)


def _depth_scale(path: Path | None, reading: Reading) -> float:
    if reading.depth_scale is not None:
        return reading.depth_scale
    is_float = path is not None and path.suffix.lower() in FLOAT_DEPTH_SUFFIXES
    return FLOAT_DEPTH_SCALE if is_float else INTEGER_DEPTH_SCALE


def _unrelated(folder: Path, what: str, files: dict[str, Path], images: dict[str, Path]) -> str:
    return (
        f"{folder}: {len(files)} {what} such as {next(iter(files.values())).name}, none belongs by name, number or "
        f"time to an image such as {next(iter(images.values())).name}"
    )
