"""Pictures, depth and poses of an RGB-D folder, put together frame by frame."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ....core.errors import BadScene
from ....core.scene import Frame
from ...cameras.lenses import is_straight, pinhole_of
from ...cameras.undistort import undistorted, undistorted_depth, undistorted_mask
from ...files.images import has_float_depth
from ...files.intrinsics import read_intrinsics
from ...files.masks import masks_finding
from ...files.naming import naming
from ..pairing import order, pair
from ..selection import spread
from ..skipped import NO_POSE, less, skipped, some
from .cameras import Focal, color_lenses, depth_lens
from .layout import Layout
from .poses import PoseReading, Poses, read_poses, unrelated

INTEGER_DEPTH_SCALE, FLOAT_DEPTH_SCALE = 1000.0, 1.0


@dataclass(frozen=True)
class Reading:
    """The conventions that files do not tell, and how many frames are wanted."""

    focal: Focal | None = None  # None: from a file
    depth_scale: float | None = None  # stored units per metre
    poses: PoseReading = field(default_factory=PoseReading)
    stride: int = 1
    limit: int | None = None


@dataclass(frozen=True)
class _Tracked:
    """The images that have all that a frame needs."""

    stems: list[str]
    poses: Poses
    depths: dict[str, Path]
    findings: list[str]


def check_files(folder: Path, layout: Layout, reading: Reading) -> None:
    """BadScene for a folder that cannot give frames, found without a look into pictures."""
    tracked = _tracked(folder, layout, reading)
    color_lenses(folder, layout.images, layout.intrinsics, reading.focal, tracked.stems[:1])


def read_frames(folder: Path, layout: Layout, reading: Reading, unpacked: Path) -> tuple[tuple[Frame, ...], list[str]]:
    """The frames with a valid pose (and depth, where there is depth at all), and findings.

    Pictures of a lens with distortion are straightened below `unpacked`, and depth with them.
    """
    tracked = _tracked(folder, layout, reading)
    poses, depths, findings = tracked.poses, tracked.depths, list(tracked.findings)
    used = spread(tracked.stems, reading.limit)
    lenses, scale = color_lenses(folder, layout.images, layout.intrinsics, reading.focal, used)
    own = None if layout.depth_intrinsics is None else read_intrinsics(layout.depth_intrinsics)
    if reading.depth_scale is not None:
        scale = reading.depth_scale
    elif scale is not None and depths:
        findings.append(f"depth: {scale:g} stored units per metre, as the intrinsics say")
    masks = pair(tracked.stems, layout.masks).found
    if layout.masks and not masks:
        raise BadScene(unrelated(folder, "masks", layout.masks, layout.images))
    bent = sorted({lens.model for lens in lenses.values() if not is_straight(lens)})
    if bent:
        findings.append(f"images were undistorted; the models of their lenses: {', '.join(bent)}")
    frames = []
    for stem in used:
        image, lens = layout.images[stem], lenses[stem]
        with naming(image):
            camera = pinhole_of(lens)
        depth, depth_camera = depths.get(stem), None
        if depth is not None:
            depth_bent = depth_lens(depth, lens, own)
            with naming(depth):
                depth_camera = pinhole_of(depth_bent)
            depth = undistorted_depth(depth, depth_bent, depth_camera, unpacked)
        frames.append(
            Frame(
                stem,
                camera,
                poses.matrices[stem],
                undistorted(image, lens, camera, unpacked),
                depth,
                depth_camera,
                scale or _depth_scale(depths.get(stem)),
                timestamp=poses.seconds.get(stem),
                mask_path=undistorted_mask(masks[stem], lens, camera, unpacked) if stem in masks else None,
            )
        )
    return tuple(frames), findings + masks_finding(tuple(frames))


def _tracked(folder: Path, layout: Layout, reading: Reading) -> _Tracked:
    """The images with a valid pose (and depth, where there is depth at all), every so many of them."""
    stems = sorted(layout.images, key=order)
    poses = read_poses(folder, {stem: layout.images[stem] for stem in stems}, layout.poses, reading.poses)
    depths = pair(stems, layout.depths)
    if layout.depths and not depths.found:
        raise BadScene(unrelated(folder, "depth images", layout.depths, layout.images))
    findings = [f"poses: {poses.source}", *poses.findings]
    if depths.rule not in ("", "name"):
        findings.append(f"depth belongs to images by {depths.rule}")
    unused = [path.name for path in less(layout.depths.values(), depths.found.values())]
    if unused and not depths.rule.startswith("nearest time"):
        findings.append(f"{len(unused)} of {len(layout.depths)} depth images belong to no image ({some(unused)})")
    posed = [stem for stem in stems if stem in poses.matrices]
    complete = [stem for stem in posed if stem in depths.found or not depths.found]
    findings += skipped(less(stems, posed), len(stems), "no pose", "images")
    findings += skipped(less(posed, complete), len(stems), "no depth of their own", "images")
    chosen = complete[:: reading.stride]
    tracked = [stem for stem in chosen if np.isfinite(poses.matrices[stem]).all() and poses.matrices[stem].any()]
    findings += skipped(less(chosen, tracked), len(chosen), NO_POSE)
    if not tracked:
        raise BadScene(f"{folder.name}: no usable frame ({'; '.join(findings)})")
    return _Tracked(tracked, poses, depths.found, findings)


def _depth_scale(path: Path | None) -> float:
    """Stored units per metre, where nobody says."""
    return FLOAT_DEPTH_SCALE if path is not None and has_float_depth(path) else INTEGER_DEPTH_SCALE
