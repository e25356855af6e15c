"""The frames of a 3RScan recording: from the folder `sequence`, or from sequence.zip.

    _info.txt                  "key = value" lines: image sizes, depth units, intrinsics as 4x4 matrices
    frame-000000.color.jpg
    frame-000000.depth.pgm     16 bits, m_depthShift units per metre
    frame-000000.pose.txt      4x4, colour camera to world, metres

Depth is registered to the colour camera and has intrinsics of its own.
"""

import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ....core.errors import BadScene
from ....core.listing import entries
from ....core.regular import require_file
from ....core.scene import Camera, Frame
from ...files.confined import Confined
from ...files.derived import derived_folder, made_once
from ...files.zip_members import ZipMembers
from ..selection import spread
from ..skipped import NO_POSE, less, skipped

INFO = "_info.txt"
_PARTS = ("color.jpg", "depth.pgm", "pose.txt")
_FRAME = re.compile(r"frame-(\d{1,9})\.color\.jpg")
_MAX_TEXT = 1 << 20  # bytes


class Sequence(Protocol):
    """Where the files of a recording are."""

    where: Path

    def names(self) -> Iterable[str]:
        """All files."""

    def text(self, name: str) -> bytes:
        """The content of a small file."""

    def path(self, name: str) -> Path:
        """A file of its own."""


class Folder:
    """The files as they lie in a folder."""

    def __init__(self, where: Path, confined: Confined) -> None:
        self.where = where
        self._confined = confined

    def names(self) -> Iterable[str]:
        """All files."""
        return [path.name for path in entries(self.where)]

    def text(self, name: str) -> bytes:
        """The content of a small file."""
        path = self.path(name)
        require_file(path)
        try:
            with path.open("rb") as file:
                return file.read(_MAX_TEXT)
        except OSError as error:
            raise BadScene(f"{path}: {error.strerror or error}") from error

    def path(self, name: str) -> Path:
        """A file of its own."""
        return self._confined(self.where / name)


class Archive:
    """The files in an archive; those that are asked for are unpacked once."""

    def __init__(self, where: Path, unpacked: Path) -> None:
        self.where = where
        self._members = ZipMembers(where)
        self._folder = derived_folder(unpacked, [where], "members as they are")

    def names(self) -> Iterable[str]:
        """All files."""
        return self._members

    def text(self, name: str) -> bytes:
        """The content of a small file."""
        return self._members.read(name, _MAX_TEXT)

    def path(self, name: str) -> Path:
        """A file of its own."""
        return made_once(self._folder / name, partial(self._write, name))

    def _write(self, name: str, target: Path) -> None:
        target.write_bytes(self._members.read(name))


def read_frames(
    sequence: Sequence, stride: int, limit: int | None, depth_scale: float | None
) -> tuple[tuple[Frame, ...], list[str]]:
    """Every `stride`-th frame that has colour, depth and a valid pose, `limit` at most, and findings."""
    info = _info(sequence)
    color_camera, depth_camera = (_camera(sequence, info, which) for which in ("color", "depth"))
    scale = depth_scale or _number(sequence, info, "m_depthShift")
    every = set(sequence.names())
    stems = sorted((name.removesuffix(".color.jpg") for name in every if _FRAME.fullmatch(name)), key=_count)
    if not stems:
        raise BadScene(f"{sequence.where}: no images frame-000000.color.jpg in it")
    complete = [stem for stem in stems if all(f"{stem}.{part}" in every for part in _PARTS)]
    findings = skipped(less(stems, complete), len(stems), "no depth or no pose", "pictures")
    chosen = complete[::stride]
    poses = {stem: _pose(sequence, f"{stem}.pose.txt") for stem in chosen}
    tracked = [stem for stem in chosen if np.isfinite(poses[stem]).all() and poses[stem].any()]
    findings += skipped(less(chosen, tracked), len(chosen), NO_POSE)
    return tuple(
        Frame(
            f"{_count(stem):06d}",
            color_camera,
            poses[stem],
            sequence.path(f"{stem}.color.jpg"),
            sequence.path(f"{stem}.depth.pgm"),
            depth_camera,
            scale,
        )
        for stem in spread(tracked, limit)
    ), findings


def _count(stem: str) -> int:
    return int(stem.removeprefix("frame-"))


def _info(sequence: Sequence) -> dict[str, str]:
    lines = sequence.text(INFO).decode("utf-8-sig", "replace").splitlines()
    return {key.strip(): value.strip() for key, equals, value in (line.partition("=") for line in lines) if equals}


def _camera(sequence: Sequence, info: dict[str, str], which: str) -> Camera:
    width, height = (_number(sequence, info, f"m_{which}{side}") for side in ("Width", "Height"))
    key = f"m_calibration{which.title()}Intrinsic"
    matrix = _numbers(info.get(key, ""))
    if len(matrix) != 16 or not (1 <= width < 1 << 16 and 1 <= height < 1 << 16):
        raise BadScene(
            f"{sequence.where}: {INFO}: {key} has {len(matrix)} numbers for {width:g}x{height:g} pixels; "
            "16, of a 4x4 matrix, were expected"
        )
    try:
        return Camera(int(width), int(height), matrix[0], matrix[5], matrix[2], matrix[6])
    except BadScene as error:
        raise BadScene(f"{sequence.where}: {INFO}: {error}") from error


def _number(sequence: Sequence, info: dict[str, str], key: str) -> float:
    numbers = _numbers(info.get(key, ""))
    if len(numbers) != 1 or not 0 < numbers[0] < 1e9:
        raise BadScene(
            f"{sequence.where}: {INFO}: {key} is {info.get(key, 'missing')[:60]!r}; a positive number is needed"
        )
    return numbers[0]


def _pose(sequence: Sequence, name: str) -> NDArray[np.float64]:
    numbers = _numbers(sequence.text(name).decode("utf-8-sig", "replace"))
    if len(numbers) != 16:
        raise BadScene(f"{sequence.where}: {name} is not a matrix of 4 rows of 4 numbers")
    return np.array(numbers).reshape(4, 4)


def _numbers(text: str) -> list[float]:
    """The numbers of a text; none when there is anything else in it."""
    try:
        return [float(word) for word in text.split()]
    except ValueError:
        return []
