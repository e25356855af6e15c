"""Writes .sens recordings byte by byte, as honest or as wrong as a test wants them."""

import io
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

EYE = np.eye(4, dtype=np.float32)
LOST = np.full((4, 4), -np.inf, np.float32)


@dataclass
class SensFile:
    """A recording of equal-sized frames; every number can be overridden."""

    colors: Sequence[NDArray[np.uint8]]
    depths: Sequence[NDArray[np.uint16]]
    poses: Sequence[NDArray[np.float32]]
    color_compression: int = 2
    depth_compression: int = 1
    version: int = 4
    name: bytes = b"StructureSensor"
    depth_shift: float = 1000.0
    intrinsic_color: NDArray[np.float32] = field(default_factory=lambda: _k(50.0, 31.5, 23.5))
    intrinsic_depth: NDArray[np.float32] = field(default_factory=lambda: _k(25.0, 15.5, 11.5))
    extrinsic_color: NDArray[np.float32] = field(default_factory=lambda: EYE)
    extrinsic_depth: NDArray[np.float32] = field(default_factory=lambda: EYE)
    frame_count: int | None = None
    imu: bytes = struct.pack("<Q", 0)

    def color_blob(self, number: int) -> bytes:
        image = self.colors[number]
        if self.color_compression == 0:
            return image.tobytes()
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "JPEG" if self.color_compression == 2 else "PNG", quality=95)
        return buffer.getvalue()

    def depth_blob(self, number: int) -> bytes:
        raw = self.depths[number].astype("<u2").tobytes()
        return zlib.compress(raw) if self.depth_compression == 1 else raw

    def header(self) -> bytes:
        matrices = (self.intrinsic_color, self.extrinsic_color, self.intrinsic_depth, self.extrinsic_depth)
        height, width = self.colors[0].shape[:2]
        depth_height, depth_width = self.depths[0].shape
        count = len(self.poses) if self.frame_count is None else self.frame_count
        return (
            struct.pack("<IQ", self.version, len(self.name))
            + self.name
            + b"".join(np.asarray(m, "<f4").tobytes() for m in matrices)
            + struct.pack("<2i", self.color_compression, self.depth_compression)
            + struct.pack("<4If", width, height, depth_width, depth_height, self.depth_shift)
            + struct.pack("<Q", count)
        )

    def frame(self, number: int) -> bytes:
        color, depth = self.color_blob(number), self.depth_blob(number)
        pose = np.asarray(self.poses[number], "<f4").tobytes()
        return pose + struct.pack("<4Q", number * 33_333, number * 33_333, len(color), len(depth)) + color + depth

    def content(self) -> bytes:
        return self.header() + b"".join(self.frame(number) for number in range(len(self.poses))) + self.imu


def small(frames: int = 3, **overrides: object) -> SensFile:
    """64x48 colour and 32x24 depth of a wall 2 m away, seen by a camera that moves along x; the last frame is lost."""
    colors, depths, poses = [], [], []
    for number in range(frames):
        rows, columns = np.mgrid[:48, :64]
        colors.append(np.stack([columns * 3, rows * 4, np.full_like(rows, 40 * number)], axis=-1).astype(np.uint8))
        depths.append(np.full((24, 32), 2000 + number, np.uint16))
        pose = EYE.copy()
        pose[0, 3] = 0.1 * number
        poses.append(LOST if number == frames - 1 and frames > 1 else pose)
    return SensFile(colors, depths, poses, **overrides)  # type: ignore[arg-type]


def _k(focal: float, cx: float, cy: float) -> NDArray[np.float32]:
    return np.array([[focal, 0, cx, 0], [0, focal, cy, 0], [0, 0, 1, 0], [0, 0, 0, 1]], np.float32)
