"""The frames of a transforms.json: its pictures found, straightened where their lens bends them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from ....core.errors import BadScene
from ....core.regular import is_file
from ....core.scene import Frame
from ...cameras import panorama
from ...cameras.lenses import pinhole_of
from ...cameras.undistort import undistorted, undistorted_depth, undistorted_mask
from ...files.confined import Confined
from ...files.images import IMAGE_SUFFIXES, image_size
from ...files.masks import masks_finding
from ...files.naming import naming
from ...files.written_paths import written_path
from ..pairing import order
from ..selection import spread
from ..skipped import NO_POSE, skipped
from .transforms import Listed, is_panorama, lens_of

_GUESSED = (".png", ".jpg", ".jpeg")  # what a file_path without an ending may lack; Blender's scenes mean .png


@dataclass(frozen=True)
class Reading:
    """Where a file's paths start, its units, and how many frames are wanted."""

    images: Path  # file_path is relative to it
    depths: Path  # depth_file_path is
    world_scale: float  # units of the poses per metre
    depth_scale: float  # stored units per metre
    stride: int = 1
    limit: int | None = None
    masks: bool = True  # whether mask_path is used


def read_frames(
    listed: Sequence[Listed], reading: Reading, confined: Confined, unpacked: Path
) -> tuple[tuple[Frame, ...], list[str]]:
    """The frames whose picture is there and whose pose is finite (and that have depth, where any has), and findings."""
    listed, findings = _distinct(listed)
    pictures = {entry.file_path: _picture(entry, reading, confined) for entry in listed}
    missing = [entry.file_path for entry in listed if pictures[entry.file_path] is None]
    findings += skipped(missing, len(listed), f"no such image in {reading.images}")
    there = [entry for entry in listed if pictures[entry.file_path] is not None]
    names = _names(there)
    there.sort(key=lambda entry: order(names[entry.file_path]))
    depths = {entry.file_path: _depth(entry, reading, confined) for entry in there}
    with_depth = [entry for entry in there if depths[entry.file_path] is not None]
    if with_depth:
        without = [entry.file_path for entry in there if depths[entry.file_path] is None]
        findings += skipped(without, len(there), "no depth of their own")
    chosen = (with_depth or there)[:: reading.stride]
    posed = [entry for entry in chosen if np.isfinite(entry.camera_to_world).all()]
    lost = [entry.file_path for entry in chosen if not np.isfinite(entry.camera_to_world).all()]
    findings += skipped(lost, len(chosen), NO_POSE)
    if not posed:
        raise BadScene(f"{confined.folder.name}: no usable frame ({'; '.join(findings) or 'the list is empty'})")
    used = spread(posed, reading.limit)
    frames = tuple(
        frame
        for entry in used
        for frame in _frames(
            names[entry.file_path],
            entry,
            pictures[entry.file_path],
            depths[entry.file_path],
            _mask(entry, reading, confined),
            reading,
            unpacked,
        )
    )
    if panoramas := [entry for entry in used if is_panorama(entry)]:
        findings.append(f"panoramas: {len(panoramas)}, each cut into six views of 90 degrees")
        if unused := sum(bool(entry.depth_file_path) for entry in panoramas):
            findings.append(f"depth of {unused} panoramas is not used: its convention is unknown")
    return frames, findings + masks_finding(frames)


def _frames(
    name: str,
    entry: Listed,
    picture: Path | None,
    depth: Path | None,
    mask: Path | None,
    reading: Reading,
    unpacked: Path,
) -> list[Frame]:
    """The frame of a picture, or those of a panorama."""
    assert picture is not None
    camera_to_world = entry.camera_to_world.copy()
    camera_to_world[:3, 3] /= reading.world_scale
    if is_panorama(entry):
        return panorama.views(name, camera_to_world, picture, mask, unpacked)
    depth_camera, lens = None, lens_of(entry, *image_size(picture))
    with naming(picture):
        camera = pinhole_of(lens)
    if depth is not None:
        with naming(depth):
            depth_lens = lens.resized(*image_size(depth))
            depth_camera = pinhole_of(depth_lens)
        depth = undistorted_depth(depth, depth_lens, depth_camera, unpacked)
    image = undistorted(picture, lens, camera, unpacked)
    mask = None if mask is None else undistorted_mask(mask, lens, camera, unpacked)
    return [Frame(name, camera, camera_to_world, image, depth, depth_camera, reading.depth_scale, mask_path=mask)]


def _distinct(listed: Sequence[Listed]) -> tuple[list[Listed], list[str]]:
    """Each file_path once, the first time it is listed."""
    first = {_plain(entry): entry for entry in reversed(listed)}
    kept = [entry for entry in listed if first[_plain(entry)] is entry]
    twice = [entry.file_path for entry in listed if first[_plain(entry)] is not entry]
    return kept, skipped(twice, len(listed), "their image is listed before")


def _picture(entry: Listed, reading: Reading, confined: Confined) -> Path | None:
    path = written_path(entry.file_path, confined, reading.images)
    if is_file(path):
        return path
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return None
    guesses = (confined(path.with_name(path.name + suffix)) for suffix in _GUESSED)
    return next((guess for guess in guesses if is_file(guess)), None)


def _mask(entry: Listed, reading: Reading, confined: Confined) -> Path | None:
    """The frame's mask; BadScene where the file names one that is not there."""
    if not entry.mask_path or not reading.masks:
        return None
    path = written_path(entry.mask_path, confined, reading.images)
    if not is_file(path):
        raise BadScene(f"{entry.where}: no file at mask_path {entry.mask_path[:100]}; leave masks out: --ignore-masks")
    return path


def _depth(entry: Listed, reading: Reading, confined: Confined) -> Path | None:
    if not entry.depth_file_path or is_panorama(entry):
        return None
    path = written_path(entry.depth_file_path, confined, reading.depths)
    return path if is_file(path) else None


def _names(entries: Sequence[Listed]) -> dict[str, str]:
    """file_path -> the picture's stem; where two have the same, all are named with their folders."""
    stems = {entry.file_path: _plain(entry).stem for entry in entries}
    if len(set(stems.values())) == len(stems):
        return stems
    return {entry.file_path: str(_plain(entry)) for entry in entries}


def _plain(entry: Listed) -> PurePosixPath:
    """Without the ./ and the backslashes that a path may be written with."""
    return PurePosixPath(entry.file_path.replace("\\", "/"))
