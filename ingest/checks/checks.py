"""Whether a scan's numbers fit together, looked at before hours are spent on them.

Cameras are looked at one and all, pictures and points in samples spread evenly. What is wrong is BadScene, with the
option that mends it where the dataset's `options` have one; what is merely worth knowing is a finding.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadScene
from ...core.scene import Camera, Frame, PointCloud, Scene
from ..files.images import image_size, is_turned, read_depth
from ..files.poses import from_opengl_axes, inverted
from ..formats.selection import spread
from ..formats.skipped import skipped
from .colour_agreement import check_photographs
from .depth_agreement import check_agreement

ROTATION_TOLERANCE = 0.01  # of R'R from the identity; poses written with three decimals pass
SKIPPED_SHARE = 0.1  # of the frames may have an improper rotation and are left out; more is a mistake of them all
MEDIAN_DEPTH = (0.05, 200.0)  # metres
EXTENT = (0.05, 3500.0)  # metres, of the points and of the camera path: a motorway yes, a room in millimetres no
FOCAL = (0.2, 15.0)  # focal length in image widths: 136 and 4 degrees of view
DEPTH_RATIO = (1 / 3, 3.0)  # depth reading over distance of the points there
_FEW = 0.5  # share of the points inside the views, below which a stride of the frames is named
_DEPTH_SAMPLE, _SIZE_SAMPLE, _VIEW_SAMPLE, _POINT_SAMPLE = 6, 16, 64, 20_000
_CELL = 16  # pixels; the nearest point of a cell is taken for the one that is seen


def check_scene(scene: Scene, options: Any = None, splat_radius: float = 0.0) -> Scene:
    """The scene with its findings, less a few frames whose rotations are improper; BadScene when it cannot be right.

    `splat_radius` is what visibility will be judged with where there is no depth.
    """
    scene = replace(scene, findings=(*scene.findings, *_left_out(scene.points), *scene.points.notes))
    if not scene.frames:  # points only, with features from elsewhere
        _check_extent("points", scene.points.xyz, EXTENT[0], options)
        return scene
    frames, findings = check_frames(scene.frames, options, splat_radius)
    findings += check_points(scene.points, frames, options)
    return replace(scene, frames=frames, findings=tuple(dict.fromkeys((*scene.findings, *findings))))


@np.errstate(over="ignore", invalid="ignore")
def check_frames(
    frames: Sequence[Frame], options: Any = None, splat_radius: float = 0.0
) -> tuple[tuple[Frame, ...], list[str]]:
    """What cameras and pictures can tell without the points: the frames that may be used, and findings."""
    kept, findings = _proper(frames, options)
    cameras = [frame.camera for frame in kept] + [frame.depth_camera for frame in kept if frame.depth_camera]
    for camera in dict.fromkeys(cameras):
        findings += _check_camera(camera)
    findings += _repeated(kept)
    positions = np.array([frame.camera_to_world[:3, 3] for frame in kept])
    _check_extent("camera positions", positions, 0.0, options)
    turned = _check_sizes(kept)
    if turned:
        findings.append(f"{turned} of the checked images carry an EXIF orientation; pixels are used as stored")
    findings += _check_depth(kept, options, splat_radius)
    findings += check_agreement(kept, options)
    return kept, findings


@np.errstate(over="ignore", invalid="ignore")
def check_points(points: PointCloud, frames: Sequence[Frame], options: Any = None) -> list[str]:
    """What points and cameras say of each other."""
    _check_extent("points", points.xyz, EXTENT[0], options)
    sample = points.xyz[np.linspace(0, len(points) - 1, min(len(points), _POINT_SAMPLE)).astype(np.int64)]
    findings = [*_check_views(sample, frames, options), *_check_depth_ratio(sample, frames, options)]
    if all(frame.depth_path is None for frame in frames):
        findings += check_photographs(points, frames, options)
    return findings


def _left_out(points: PointCloud) -> list[str]:
    if points.left_out is None:
        return []
    return [f"{len(points.left_out):,} of {points.rows_in_file:,} points left out: not finite"]


def _named(options: Any, field: str, value: str = "") -> str:
    """ " (--depth-scale 1000)", or nothing where the dataset has no such option."""
    words = f"--{field.replace('_', '-')} {value}".strip()
    return f" ({words})" if hasattr(options, field) else ""


def _proper(frames: Sequence[Frame], options: Any) -> tuple[tuple[Frame, ...], list[str]]:
    """The frames whose camera_to_world is a rotation and a translation."""
    rotations = np.array([frame.camera_to_world[:3, :3] for frame in frames])
    off = np.abs(rotations.transpose(0, 2, 1) @ rotations - np.eye(3)).max(axis=(1, 2))
    wrong = np.flatnonzero(~((off <= ROTATION_TOLERANCE) & (np.linalg.det(rotations) > 0)))
    if len(wrong) == 0:
        return tuple(frames), []
    example = f"frame {frames[wrong[0]].name}: {_what_is_wrong(rotations[wrong[0]], options)}"
    if len(wrong) > SKIPPED_SHARE * len(frames):
        raise BadScene(f"camera_to_world is not a rotation in {len(wrong)} of {len(frames)} frames; {example}")
    bad = set(wrong.tolist())
    kept = tuple(frame for number, frame in enumerate(frames) if number not in bad)
    names = [frames[row].name for row in wrong.tolist()]
    return kept, skipped(names, len(frames), f"camera_to_world is not a rotation ({example})")


def _what_is_wrong(rotation: NDArray[np.float64], options: Any) -> str:
    determinant = float(np.linalg.det(rotation))
    scale = float(np.cbrt(abs(determinant)))
    if scale > 0 and np.abs(rotation.T @ rotation / scale**2 - np.eye(3)).max() < ROTATION_TOLERANCE:
        if determinant < 0:
            return (
                f"a reflection (determinant {determinant:.3g}): one axis is flipped; if the image is mirrored, "
                f"declare it with a negative fy{_named(options, 'fy')}"
            )
        return f"a rotation scaled by {scale:.4g}"
    return f"its columns are not at right angles and of length 1 (determinant {determinant:.3g})"


def _check_camera(camera: Camera) -> list[str]:
    size = f"{camera.width}x{camera.height}"
    if not (-0.5 <= camera.cx <= camera.width - 0.5 and -0.5 <= camera.cy <= camera.height - 0.5):
        raise BadScene(
            f"the principal point ({camera.cx:g}, {camera.cy:g}) lies outside of the {size} image; these intrinsics "
            f"would fit an image of about {2 * camera.cx + 1:.0f}x{2 * camera.cy + 1:.0f}"
        )
    for name, focal in (("fx", camera.fx), ("fy", camera.fy)):
        if not FOCAL[0] <= abs(focal) / camera.width <= FOCAL[1]:
            raise BadScene(
                f"{name} = {focal:g} pixels is implausible for a {size} image; "
                f"{FOCAL[0] * camera.width:g} to {FOCAL[1] * camera.width:g} were expected"
            )
    findings = []
    if not 0.8 <= abs(camera.fx / camera.fy) <= 1.25:
        findings.append(f"fx = {camera.fx:g} and fy = {camera.fy:g} differ much: was the {size} image stretched?")
    if abs((camera.cx + 0.5) / camera.width - 0.5) > 0.2 or abs((camera.cy + 0.5) / camera.height - 0.5) > 0.2:
        findings.append(
            f"the principal point ({camera.cx:g}, {camera.cy:g}) is far from the middle of the {size} image"
        )
    return findings


def _repeated(frames: Sequence[Frame]) -> list[str]:
    poses = np.array([frame.camera_to_world for frame in frames]).round(9).reshape(len(frames), -1)
    repeats = len(frames) - len(np.unique(poses, axis=0))
    return [f"{repeats} of {len(frames)} frames repeat the camera_to_world of another"] if repeats else []


def _check_extent(what: str, xyz: NDArray[np.float64], low: float, options: Any) -> None:
    extent = float(np.linalg.norm(np.ptp(xyz, axis=0)))
    if not low <= extent <= EXTENT[1]:
        likely = 1000 if extent > EXTENT[1] else 0.001
        raise BadScene(
            f"the {what} span {extent:.4g} m, {low:g} to {EXTENT[1]:g} m were expected; is the world in another "
            f"unit, such as {likely:g} per metre?{_named(options, 'world_scale', f'{likely:g}')}"
        )


def _check_sizes(frames: Sequence[Frame]) -> int:
    """How many of a few images are stored turned; BadScene for sizes other than the cameras'."""
    turned = 0
    for frame in spread(frames, _SIZE_SAMPLE):
        _require_size(frame.image_path, frame.camera)
        turned += is_turned(frame.image_path)
        if frame.depth_path is not None and frame.depth_camera is not None:
            _require_size(frame.depth_path, frame.depth_camera)
    return turned


def _require_size(path: Path, camera: Camera) -> None:
    width, height = image_size(path)
    if (width, height) != (camera.width, camera.height):
        raise BadScene(f"{path}: {width}x{height} pixels; its camera says {camera.width}x{camera.height}")


def _check_depth(frames: Sequence[Frame], options: Any, splat_radius: float) -> list[str]:
    sample = spread([frame for frame in frames if frame.depth_path is not None], _DEPTH_SAMPLE)
    if not sample:
        if splat_radius > 0:
            return [f"no depth: occlusion is computed from the points, drawn {splat_radius:g} m around each"]
        return ["no depth: nothing occludes anything (--splat-radius)"]
    medians, shares = [], []
    for frame in sample:
        depth = _depth(frame)
        readings = depth[depth > 0]
        shares.append(readings.size / depth.size)
        if readings.size:
            medians.append(float(np.median(readings)))
    if not medians:
        raise BadScene(
            f"no reading in the depth of {len(sample)} frames that were checked (such as {sample[0].depth_path})"
        )
    median, scale = float(np.median(medians)), sample[0].depth_scale
    if not MEDIAN_DEPTH[0] <= median <= MEDIAN_DEPTH[1]:
        likely = f"{_likely_scale(median * scale):g}"
        raise BadScene(
            f"the median depth is {median:.4g} m at {scale:g} stored units per metre, {MEDIAN_DEPTH[0]:g} to "
            f"{MEDIAN_DEPTH[1]:g} m were expected; {likely} units per metre are likely"
            f"{_named(options, 'depth_scale', likely)}"
        )
    return [f"median depth {median:.2f} m, readings in {np.mean(shares):.0%} of the pixels"]


def _depth(frame: Frame) -> NDArray[np.float32]:
    """(H, W) metres, as many as the depth camera has pixels."""
    assert frame.depth_path is not None and frame.depth_camera is not None
    _require_size(frame.depth_path, frame.depth_camera)
    return read_depth(frame.depth_path, frame.depth_scale)


def _likely_scale(stored_median: float) -> float:
    """The usual unit that brings a stored median nearest to 2 m."""
    usual = np.array([1.0, 10.0, 100.0, 1000.0, 10_000.0, 1e6])
    return float(usual[np.abs(np.log(stored_median / usual / 2)).argmin()])


def _check_views(xyz: NDArray[np.float64], frames: Sequence[Frame], options: Any) -> list[str]:
    sample = spread(frames, _VIEW_SAMPLE)
    poses = np.array([frame.camera_to_world for frame in sample])
    share, blind = inside_views(xyz, sample, poses)
    if share > 0:
        empty = f"; {blind} of {len(sample)} frames show none" if blind else ""
        stride = getattr(options, "frame_stride", 1)
        few = f"; --frame-stride {stride} left {len(frames)} of the frames" if share < _FEW and stride > 1 else ""
        return [f"{share:.0%} of the points lie inside the views{empty}{few}"]
    others = {
        f"if the cameras look along -z with y up{_named(options, 'axes', 'opengl')}": from_opengl_axes(poses),
        f"if the poses map the world into the camera{_named(options, 'world_to_camera')}": inverted(poses),
    }
    shares = {guess: inside_views(xyz, sample, other)[0] for guess, other in others.items()}
    best = max(shares, key=lambda guess: shares[guess])
    hint = f"they would {best}" if shares[best] > 0.2 else "the poses and the points do not share a world"
    raise BadScene(f"no point falls inside any of {len(sample)} views that were checked: {hint}")


def inside_views(xyz: NDArray[np.float64], frames: Sequence[Frame], poses: NDArray[np.float64]) -> tuple[float, int]:
    """The share of points inside any image, and the number of frames without one."""
    seen, blind = np.zeros(len(xyz), bool), 0
    for frame, pose in zip(frames, poses, strict=True):
        inside = _project(xyz, pose, frame.camera)[2]
        seen |= inside
        blind += not inside.any()
    return float(seen.mean()), blind


def _project(
    xyz: NDArray[np.float64], camera_to_world: NDArray[np.float64], camera: Camera
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """uv (N, 2), z (N,) metres, and which points are inside the image; uv means nothing for the others."""
    local = (xyz - camera_to_world[:3, 3]) @ np.linalg.inv(camera_to_world[:3, :3]).T
    z = local[:, 2]
    front = z > 1e-6
    uv = np.full((len(xyz), 2), -1.0)
    uv[front] = local[front, :2] / z[front, None] * [camera.fx, camera.fy] + [camera.cx, camera.cy]
    last = np.array([camera.width, camera.height]) - 0.5
    return uv, z, front & (uv >= -0.5).all(axis=1) & (uv < last).all(axis=1)


def _check_depth_ratio(xyz: NDArray[np.float64], frames: Sequence[Frame], options: Any) -> list[str]:
    """Depth readings against the points that lie there, nearest point of each cell of the image."""
    ratios = []
    for frame in spread([frame for frame in frames if frame.depth_path is not None], _DEPTH_SAMPLE):
        assert frame.depth_camera is not None
        pose = frame.camera_to_world if frame.depth_to_color is None else frame.camera_to_world @ frame.depth_to_color
        uv, z, inside = _project(xyz, pose, frame.depth_camera)
        column, row = np.rint(uv[inside]).astype(np.int64).T
        reading, z = _depth(frame)[row, column], z[inside]
        nearest = np.lexsort((z, column // _CELL + (row // _CELL) * frame.depth_camera.width))
        cell = (column // _CELL + (row // _CELL) * frame.depth_camera.width)[nearest]
        nearest = nearest[np.concatenate([[True], cell[1:] != cell[:-1]])] if len(cell) else nearest
        nearest = nearest[reading[nearest] > 0]
        ratios.append(reading[nearest] / z[nearest])
    every = np.concatenate(ratios) if ratios else np.empty(0)
    if len(every) < 20:
        return []
    ratio, scale = float(np.median(every)), next(frame.depth_scale for frame in frames if frame.depth_path is not None)
    if not DEPTH_RATIO[0] <= ratio <= DEPTH_RATIO[1]:
        right = f"{float(f'{scale * ratio:.3g}'):g}"
        raise BadScene(
            f"depth readings are {ratio:.3g} times as far as the points they hit: {right} stored units per metre "
            f"instead of {scale:g} would agree, if the points are in metres{_named(options, 'depth_scale', right)}"
        )
    if not 0.85 <= ratio <= 1.15:
        return [f"depth readings are {ratio:.2f} times as far as the points they hit"]
    return []
