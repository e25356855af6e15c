"""The frames of a ScanNet scan: from its .sens recording, or from the folders that SensReader exports it to.

Poses of recordings are the depth camera's; a Frame's are the colour camera's. The two differ where the recording's
extrinsics say so.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ....core.errors import BadScene
from ....core.listing import entries
from ....core.regular import is_file
from ....core.scene import Camera, Frame
from ...files.confined import Confined
from ...files.images import IMAGE_SUFFIXES, image_size
from ...files.intrinsics import read_intrinsics
from ...files.naming import naming
from ...files.poses import inverted, read_pose
from ...files.whole import read_text
from ..selection import spread
from ..skipped import NO_POSE, less, skipped
from .sens import read_recording
from .unpack import unpack_frames

EXPORTED_DEPTH_SCALE = 1000.0  # SensReader writes millimetres
_FACTS_BYTES = 1 << 20


@dataclass(frozen=True)
class Selection:
    """Which frames are taken, and how far apart their depth units are."""

    stride: int  # in frames of the recording
    limit: int | None  # frames, spread evenly
    depth_scale: float | None  # stored units per metre; None: as the recording says


def recorded_frames(path: Path, selection: Selection, unpacked: Path) -> tuple[tuple[Frame, ...], list[str]]:
    """The chosen tracked frames of a .sens, unpacked, and findings."""
    recording = read_recording(path)
    chosen = recording.frames[:: selection.stride]
    tracked = [frame for frame in chosen if frame.is_tracked]
    findings = skipped([frame.index for frame in chosen if not frame.is_tracked], len(chosen), NO_POSE)
    depth_to_color, odd = _depth_to_color(recording.color_to_base, recording.depth_to_base)
    used = spread(tracked, selection.limit)
    files = unpack_frames(recording, used, unpacked)
    frames = tuple(
        Frame(
            f"{frame.index:06d}",
            recording.color_camera,
            _of_color(frame.depth_camera_to_world, depth_to_color),
            color,
            depth,
            recording.depth_camera,
            selection.depth_scale or recording.depth_scale,
            depth_to_color,
            frame.timestamp or None,
        )
        for frame, (color, depth) in zip(used, files, strict=True)
    )
    return frames, findings + odd


def exported_frames(
    folder: Path, name: str, selection: Selection, confined: Confined
) -> tuple[tuple[Frame, ...], list[str]]:
    """The exported frames that have image, depth and a valid pose, and findings."""
    images = {
        path.stem: path
        for path in entries(folder / "color")
        if path.suffix.lower() in IMAGE_SUFFIXES and path.stem.isdecimal()
    }
    stems = sorted(images, key=int)
    if not stems:
        raise BadScene(f"{name}: no images named by frame number (0.jpg, 20.jpg) in {folder / 'color'}")
    stems = _thinned(stems, selection.stride)
    complete = [s for s in stems if is_file(folder / f"depth/{s}.png") and is_file(folder / f"pose/{s}.txt")]
    if not complete:
        raise BadScene(f"{name}: {len(stems)} images in color/, none with depth/{stems[0]}.png and pose/{stems[0]}.txt")
    findings = skipped(less(stems, complete), len(stems), "no depth or no pose", "images")
    poses = {stem: read_pose(confined(folder / f"pose/{stem}.txt")) for stem in complete}
    tracked = [stem for stem in complete if np.isfinite(poses[stem]).all() and poses[stem].any()]
    findings += skipped(less(complete, tracked), len(complete), NO_POSE)
    color_camera = _exported_camera(folder, name, "color", confined(images[complete[0]]), confined)
    depth_camera = _exported_camera(folder, name, "depth", confined(folder / f"depth/{complete[0]}.png"), confined)
    depth_to_color, odd = _depth_to_color(
        *(_extrinsic(confined(folder / f"intrinsic/extrinsic_{which}.txt")) for which in ("color", "depth"))
    )
    frames = tuple(
        Frame(
            f"{int(stem):06d}",
            color_camera,
            _of_color(poses[stem], depth_to_color),
            confined(images[stem]),
            confined(folder / f"depth/{stem}.png"),
            depth_camera,
            selection.depth_scale or EXPORTED_DEPTH_SCALE,
            depth_to_color,
        )
        for stem in spread(tracked, selection.limit)
    )
    return frames, findings + odd


def _thinned(stems: list[str], stride: int) -> list[str]:
    """Frame numbers at least `stride` apart: an export that was thinned already stays whole."""
    kept: list[str] = []
    for stem in stems:
        if not kept or int(stem) - int(kept[-1]) >= stride:
            kept.append(stem)
    return kept


def _exported_camera(folder: Path, name: str, which: str, sample: Path, confined: Confined) -> Camera:
    """The camera of the exported images.

    SensReader can shrink images without touching the intrinsics. <scene>.txt tells the size they had before; of the two
    sizes the intrinsics are about the one whose middle is nearer to their principal point.
    """
    path = folder / f"intrinsic/intrinsic_{which}.txt"
    if not is_file(path):
        raise BadScene(f"{name}: no {path.relative_to(folder)} in {folder}, which SensReader writes beside the frames")
    k = read_intrinsics(confined(path))
    facts = _facts(confined(folder / f"{name}.txt"))
    size = image_size(sample)
    recorded = facts.get(f"{which}Width", ""), facts.get(f"{which}Height", "")
    if recorded[0].isdecimal() and recorded[1].isdecimal():
        own = min(size, (int(recorded[0]), int(recorded[1])), key=lambda wide_high: abs(wide_high[0] - 2 * k.cx - 1))
        k = replace(k, width=own[0], height=own[1])
    with naming(sample):
        return k.camera(*size)


def _facts(path: Path) -> dict[str, str]:
    """The "key = value" lines of <scene>.txt."""
    if not is_file(path):
        return {}
    lines = read_text(path, _FACTS_BYTES).splitlines()
    return {key.strip(): value.strip() for key, equals, value in (line.partition("=") for line in lines) if equals}


def _extrinsic(path: Path) -> NDArray[np.float64]:
    return read_pose(path) if is_file(path) else np.eye(4)


def _depth_to_color(
    color_to_base: NDArray[np.float64], depth_to_base: NDArray[np.float64]
) -> tuple[NDArray[np.float64] | None, list[str]]:
    """(4, 4), or None where both cameras are in one place; extrinsics that are no motion count as the identity."""
    for matrix in (color_to_base, depth_to_base):
        rotation = matrix[:3, :3]
        if not np.isfinite(matrix).all() or np.abs(rotation.T @ rotation - np.eye(3)).max() > 0.01:
            return None, [
                "the extrinsics are not a rotation and translation; both cameras are assumed to be in one place"
            ]
    depth_to_color = inverted(color_to_base[None])[0] @ depth_to_base
    return (None, []) if np.abs(depth_to_color - np.eye(4)).max() < 1e-6 else (depth_to_color, [])


def _of_color(
    depth_camera_to_world: NDArray[np.float64], depth_to_color: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """camera_to_world of the colour camera: poses of recordings are the depth camera's."""
    if depth_to_color is None:
        return depth_camera_to_world
    return depth_camera_to_world @ inverted(depth_to_color[None])[0]
