"""The frames of an .r3d archive, unpacked once: images as they are, depth as floats without unsure readings.

rgbd/12.jpg        the image
rgbd/12.depth      LZFSE: float32 metres, row by row
rgbd/12.conf       LZFSE: one byte per reading, 0 to 2      (optional)
"""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....core.budget import Budget
from ....core.errors import BadScene
from ....core.scene import Frame
from ...files.derived import derived_folder, made_once
from ...files.images import image_size
from ...files.lzfse_blocks import unfolded
from ...files.naming import naming
from ...files.zip_members import ZipMembers
from ..selection import spread
from ..skipped import NO_POSE, less, skipped
from .metadata import Metadata, parsed

SURE = 2  # the highest confidence
_METADATA_BYTES = 1 << 28


class Archive:
    """An .r3d: its metadata, and its members as files below `unpacked`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._members = ZipMembers(path)
        content = self._members.read("metadata", _METADATA_BYTES)
        Budget(path).take_json(content)
        with naming(path):
            self.metadata: Metadata = parsed(content)
        self.images, self.measured, self.rated = (self._numbers(suffix) for suffix in (".jpg", ".depth", ".conf"))

    def image(self, number: int, unpacked: Path) -> Path:
        """The image of a frame."""
        target = derived_folder(unpacked, [self.path], "members as they are") / f"{number:06d}.jpg"
        return made_once(target, partial(self._copy, f"{number}.jpg"))

    def depth(self, number: int, least: int, unpacked: Path) -> Path:
        """The depth of a frame in metres, without readings of a confidence below `least`."""
        target = derived_folder(unpacked, [self.path], f"record3d depth 1: {least}") / f"{number:06d}.npy"
        return made_once(target, partial(self._write_depth, number, least))

    def _numbers(self, suffix: str) -> list[int]:
        """Of the frames that have such a member, ascending."""
        stems = (name.removesuffix(suffix) for name in self._members if name.endswith(suffix))
        return sorted(int(stem) for stem in stems if stem.isdecimal() and str(int(stem)) == stem)

    def _copy(self, name: str, target: Path) -> None:
        target.write_bytes(self._members.read(name))

    def _write_depth(self, number: int, least: int, target: Path) -> None:
        metres = self._readings(f"{number}.depth", "<f4").astype(np.float32)
        if least and number in self.rated:
            metres[self._readings(f"{number}.conf", "u1") < least] = 0
        with target.open("wb") as file:
            np.save(file, metres)

    def _readings(self, name: str, kind: str) -> NDArray[Any]:
        """(dh, dw)"""
        width, height = self.metadata.depth_size
        expected = width * height * np.dtype(kind).itemsize
        stored = self._members.read(name)
        with naming(f"{self.path}: {name}"):
            content = unfolded(stored, expected)
            if len(content) != expected:
                raise BadScene(f"{len(content):,} bytes; {width}x{height} readings are {expected:,}")
        return np.frombuffer(content, kind).reshape(height, width)


def read_frames(
    archive: Archive, stride: int, limit: int | None, least: int, unpacked: Path
) -> tuple[tuple[Frame, ...], list[str]]:
    """Every `stride`-th frame with a pose and depth, `limit` at most, and findings."""
    metadata = archive.metadata
    chosen = archive.images[::stride]
    posed = [k for k in chosen if k < len(metadata.camera_to_world) and np.isfinite(metadata.camera_to_world[k]).all()]
    there, rated = set(archive.measured), set(archive.rated)
    measured = [k for k in posed if k in there]
    findings = skipped(less(chosen, posed), len(chosen), NO_POSE)
    findings += skipped(less(posed, measured), len(chosen), "no depth of their own")
    frames = []
    for number in spread(measured, limit):
        image = archive.image(number, unpacked)
        with naming(image):
            camera = metadata.intrinsics_of(number).camera(*image_size(image))
        seconds = float(metadata.seconds[number])
        frames.append(
            Frame(
                f"{number:06d}",
                camera,
                metadata.camera_to_world[number],
                image,
                archive.depth(number, least, unpacked),
                camera.resized(*metadata.depth_size),
                1.0,
                timestamp=seconds if np.isfinite(seconds) else None,
            )
        )
    if least:
        findings.append(f"depth: readings of a confidence below {least} of {SURE} are left out")
        if unrated := sum(int(frame.name) not in rated for frame in frames):
            findings.append(f"{unrated} of {len(frames)} frames have no confidence: all of their depth is used")
    return tuple(frames), findings
