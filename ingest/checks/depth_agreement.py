"""Whether the depth of one frame is found again in its neighbours, and which convention would make it so.

Points made from depth lie inside their own views however wrong the poses are; that two frames measure the same surface
is what wrong poses cannot fake. Readings of a frame are moved into a neighbour and held against what is read there.
Right poses agree in 72 % (wide steps, many readings hidden in the other view) to 99.8 % of the readings, wrong ones in
0 to 76 % (the smallest steps), so the share alone decides nothing: a scan is refused only where another convention
explains the same frames far better.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ...core.errors import BadScene
from ...core.scene import Camera, Frame
from ..files.images import read_depth
from ..files.poses import from_opengl_axes, inverted
from ..formats.depth_readings import back_project, require_shape, smooth
from ..formats.selection import spread

TOLERANCE = 0.02  # share of the reading
SURE = 0.9  # share of the readings that agree, above which nothing else is tried
LIKELY = (
    0.8  # share of unhidden readings that another convention must reach to be named, and below which ours is doubtful
)
_FRAMES, _READINGS, _ENOUGH = 6, 3000, 200
_STEP, _TURN = 0.08, np.radians(40.0)  # of the median depth and between axes: steps that tell, views that overlap
_PLAUSIBLE = (0.2, 20.0)  # metres, median depth under another scale
_DEPTH_SCALES = (1.0, 100.0, 256.0, 500.0, 1000.0, 2000.0, 4000.0, 5000.0, 6553.5, 10_000.0)
_WORLD_SCALES = (10.0, 100.0, 1000.0)


@dataclass(frozen=True)
class Share:
    """Readings of frames that were looked for in other frames."""

    agree: int
    in_front: int  # nearer than what the other frame reads: it would have had to see through them
    compared: int  # that fall on a reading; those neither agreeing nor in front may be hidden

    @property
    def agreeing(self) -> float:
        return self.agree / max(self.compared, 1)

    @property
    def unhidden(self) -> float:
        """The share that agrees of the readings that nothing hides."""
        return self.agree / max(self.agree + self.in_front, 1)


@dataclass(frozen=True)
class _Reading:
    """The depth of a frame, and some of its readings as points in the depth camera."""

    depth: NDArray[np.float32]  # (H, W) metres
    usable: NDArray[np.bool_]  # (H, W)
    pixels: NDArray[np.int64]  # (n,) flat


@dataclass(frozen=True)
class Convention:
    """Another way to read the same files."""

    name: str  # "if ...", with the option
    poses: NDArray[np.float64]  # (N, 4, 4) camera_to_world
    depth: float = 1.0  # by which readings are multiplied
    shift: float = 0.0  # pixels added to the principal point
    mirrored: bool = False  # fy with the other sign


def check_agreement(frames: Sequence[Frame], options: Any = None) -> list[str]:
    """A finding; BadScene where another convention explains the frames far better than the one they were read with."""
    with_depth = [frame for frame in frames if frame.depth_path is not None]
    if len(with_depth) < 2:
        return []
    frames = with_depth
    poses = np.array([frame.camera_to_world for frame in frames])
    readings: dict[int, _Reading] = {}
    pairs = _pairs(frames, poses, readings)
    as_read = _compared(frames, readings, pairs, Convention("", poses))
    if as_read.agreeing >= SURE and as_read.compared >= _ENOUGH:
        return [_said(as_read)]
    best, found = as_read, ""
    for convention in _conventions(frames, poses, _median(readings), options):
        share = _compared(frames, readings, pairs, convention)
        if share.compared >= _ENOUGH and share.agree > best.agree and share.agreeing > best.agreeing:
            best, found = share, convention.name
    if found and best.unhidden >= LIKELY and 1 - best.agreeing <= (1 - as_read.agreeing) / 2:
        raise BadScene(
            f"the depth of frames projected into their neighbours agrees to {TOLERANCE:.0%} in "
            f"{as_read.agreeing:.0%} of the readings; it would in {best.agreeing:.0%} {found}"
        )
    if as_read.compared < _ENOUGH:
        return []
    doubt = ": poses, depth or intrinsics may be wrong" if as_read.unhidden < LIKELY else ""
    return [_said(as_read) + doubt]


def _said(share: Share) -> str:
    return (
        f"depth of neighbouring frames agrees to {TOLERANCE:.0%} in {share.unhidden:.0%} of the readings that "
        "nothing occludes"
    )


def _pairs(frames: Sequence[Frame], poses: NDArray[np.float64], readings: dict[int, _Reading]) -> list[tuple[int, int]]:
    """A few frames, each with the next one and with the next that stands a good step away and looks the same way."""
    anchors = spread(range(len(frames) - 1), _FRAMES)
    pairs = [(anchor, anchor + 1) for anchor in anchors]
    for anchor in anchors:
        readings[anchor] = _read(frames[anchor])
    step = _STEP * _median(readings)
    for anchor in anchors:
        later = poses[anchor + 2 :]
        turn = (np.einsum("nij,ij->n", later[:, :3, :3], poses[anchor, :3, :3]) - 1) / 2
        apart = np.linalg.norm(later[:, :3, 3] - poses[anchor, :3, 3], axis=1)
        if len(fitting := np.flatnonzero((turn > np.cos(_TURN)) & (apart > step))):
            pairs.append((anchor, anchor + 2 + int(fitting[0])))
    for _, other in pairs:
        if other not in readings:
            readings[other] = _read(frames[other])
    return pairs


def _read(frame: Frame) -> _Reading:
    assert frame.depth_path is not None and frame.depth_camera is not None
    depth = read_depth(frame.depth_path, frame.depth_scale)
    require_shape(frame, "depth", depth.shape, frame.depth_camera)
    usable = smooth(depth)
    pixels = np.flatnonzero(usable)
    chosen = np.linspace(0, len(pixels) - 1, min(len(pixels), _READINGS)).astype(np.int64)
    return _Reading(depth, usable, pixels[chosen])


def _median(readings: dict[int, _Reading]) -> float:
    """Metres, over the readings that are looked for."""
    every = np.concatenate([reading.depth.ravel()[reading.pixels] for reading in readings.values()])
    return float(np.median(every)) if len(every) else 1.0


def _compared(
    frames: Sequence[Frame], readings: dict[int, _Reading], pairs: list[tuple[int, int]], convention: Convention
) -> Share:
    counts = np.zeros(3, np.int64)
    for one, other in pairs:
        counts += _pair(
            frames[one], readings[one], convention.poses[one], frames[other], readings[other], convention.poses[other],
            convention,
        )  # fmt: skip
    agree, in_front, compared = counts.tolist()
    return Share(agree, in_front, compared)


def _pair(
    one: Frame, reading: _Reading, pose: NDArray[np.float64],
    other: Frame, expected: _Reading, other_pose: NDArray[np.float64],
    convention: Convention,
) -> NDArray[np.int64]:  # fmt: skip
    """How many readings of `one` agree, lie in front, and could be compared in `other`."""
    camera, other_camera = _camera(one, convention), _camera(other, convention)
    local = back_project(reading.depth, camera).reshape(-1, 3)[reading.pixels] * convention.depth
    move = np.linalg.inv(_depth_pose(other, other_pose)) @ _depth_pose(one, pose)
    xyz = local @ move[:3, :3].T + move[:3, 3]
    xyz = xyz[xyz[:, 2] > 1e-6]
    z = xyz[:, 2]
    height, width = expected.depth.shape
    column = np.rint(np.clip(xyz[:, 0] / z * other_camera.fx + other_camera.cx, -1, width)).astype(np.int64)
    row = np.rint(np.clip(xyz[:, 1] / z * other_camera.fy + other_camera.cy, -1, height)).astype(np.int64)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    row, column, z = row[inside], column[inside], z[inside]
    measured = expected.usable[row, column]
    there, z = expected.depth[row, column][measured] * convention.depth, z[measured]
    return np.array([(np.abs(z - there) <= TOLERANCE * there).sum(), (z < (1 - TOLERANCE) * there).sum(), len(z)])


def _camera(frame: Frame, convention: Convention) -> Camera:
    camera = frame.depth_camera
    assert camera is not None
    fy = -camera.fy if convention.mirrored else camera.fy
    return replace(camera, fy=fy, cx=camera.cx + convention.shift, cy=camera.cy + convention.shift)


def _depth_pose(frame: Frame, camera_to_world: NDArray[np.float64]) -> NDArray[np.float64]:
    return camera_to_world if frame.depth_to_color is None else camera_to_world @ frame.depth_to_color


def _conventions(
    frames: Sequence[Frame], poses: NDArray[np.float64], median: float, options: Any
) -> Iterator[Convention]:
    """What else the files may mean, the simplest first: one thing, then two."""
    frame = frames[0]
    camera, scale = frame.camera, frame.depth_scale
    other_ways = list(other_poses(poses, options))
    depths = []
    for other in _DEPTH_SCALES:
        if other != scale and _PLAUSIBLE[0] <= median * scale / other <= _PLAUSIBLE[1]:
            option = _option(options, "depth_scale", f"{other:g}")
            depths.append(Convention(f"at {other:g} stored units per metre of depth{option}", poses, scale / other))
    named = f"with fy = {-camera.fy:g}, as left-handed worlds have it{_option(options, 'fy', f'{-camera.fy:g}')}"
    mirrored = [Convention(named, poses, mirrored=True)]
    yield from (*other_ways, *depths)
    for factor in _WORLD_SCALES:
        smaller = poses.copy()
        smaller[:, :3, 3] /= factor
        total = f"{factor * (getattr(options, 'world_scale', None) or 1.0):g}"
        yield Convention(
            f"if the poses' world has {total} units per metre{_option(options, 'world_scale', total)}", smaller
        )
    yield from mirrored
    for shift in (-0.5, 0.5):
        cx, cy = camera.cx + shift, camera.cy + shift
        named = f" (--cx {cx:g} --cy {cy:g})" if hasattr(options, "cx") else ""
        yield Convention(f"with the principal point at {cx:g}, {cy:g}{named}", poses, shift=shift)
    for kind, others in ((other_ways, (*depths, *mirrored)), (depths, mirrored)):
        yield from (
            replace(one, name=f"{one.name} and {other.name}", depth=one.depth * other.depth, mirrored=other.mirrored)
            for one in kind
            for other in others
        )


def other_poses(poses: NDArray[np.float64], options: Any) -> Iterator[Convention]:
    """Other axes, directions and orders of quaternions than those that the poses were read with, one, then two."""
    opengl = getattr(options, "axes", "opencv") == "opengl"
    inverse = bool(getattr(options, "world_to_camera", False))
    first = "wxyz" if getattr(options, "quaternion", "xyzw") == "xyzw" else "xyzw"
    written = from_opengl_axes(poses) if opengl else poses
    written = inverted(written) if inverse else written
    reordered = [written, _reordered(written, first)] if hasattr(options, "quaternion") else [written]
    choices = [(turned, inverts, flips) for turned in range(len(reordered)) for inverts in (0, 1) for flips in (0, 1)]
    for choice in sorted(choices[1:], key=sum):
        turned, inverts, flips = choice
        matrices = inverted(reordered[turned]) if inverse != bool(inverts) else reordered[turned]
        matrices = from_opengl_axes(matrices) if opengl != bool(flips) else matrices
        reasons = []
        if flips:
            axes = "the cameras look along +z with y down" if opengl else "the cameras look along -z with y up"
            reasons.append(axes + _option(options, "axes", "opencv" if opengl else "opengl"))
        if inverts:
            way = "the camera into the world" if inverse else "the world into the camera"
            without = " (without --world-to-camera)" if inverse else _option(options, "world_to_camera")
            reasons.append(f"the poses map {way}{without}")
        if turned:
            reasons.append(f"quaternions are in the order {first}{_option(options, 'quaternion', first)}")
        yield Convention("if " + " and ".join(reasons), matrices)


def _reordered(poses: NDArray[np.float64], order: str) -> NDArray[np.float64]:
    """The poses, their quaternions' numbers read in another order."""
    xyzw = Rotation.from_matrix(poses[:, :3, :3]).as_quat()
    other = poses.copy()
    other[:, :3, :3] = Rotation.from_quat(np.roll(xyzw, -1 if order == "wxyz" else 1, axis=1)).as_matrix()
    return other


def _option(options: Any, field: str, value: str = "") -> str:
    """ " (--depth-scale 1000)", or nothing where the dataset has no such option."""
    return f" (--{field.replace('_', '-')} {value})".replace(" )", ")") if hasattr(options, field) else ""
