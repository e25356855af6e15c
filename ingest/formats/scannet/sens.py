"""ScanNet's recordings, .sens version 4: one file with the frames of a whole scan, read as a stream.

Little-endian without padding: version u32 | name length u64, name | intrinsic and extrinsic of the colour camera,
the same of the depth camera, 4x4 f32 each | colour and depth compression i32 | colour width, height, depth width,
height u32 | depth units per metre f32 | frame count u64; a frame is camera_to_world 16 f32, colour and depth timestamp
u64 microseconds, colour and depth size u64, the two blobs; then, where present, an IMU count u64 and its records.

camera_to_world is the depth camera's; an extrinsic maps its camera to the base that both cameras share, which is most
often the colour camera itself (SensReader/c++/src/sensorData.h: CalibrationData, saveToPointCloud).
"""

import io
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from ....core.errors import BadScene
from ....core.regular import require_file
from ....core.scene import Camera
from ...files.images import MAX_PIXELS
from ...files.naming import naming

COLOR_JPEG, COLOR_PNG, COLOR_RAW = "jpeg", "png", "raw"
_COLOR_COMPRESSION = {0: COLOR_RAW, 1: COLOR_PNG, 2: COLOR_JPEG}
_DEPTH_COMPRESSION = {0: "raw", 1: "zlib"}  # 2, "occi", was never published with a decoder
_FIXED = struct.Struct("<64f 2i 4I f Q")
_FRAME = struct.Struct("<16f 4Q")
_IMU_BYTES = 15 * 8 + 8
_MAX_NAME = 4096


@dataclass(frozen=True)
class SensFrame:
    """Where one frame lies in the file."""

    index: int
    depth_camera_to_world: NDArray[np.float64]  # (4, 4); not finite where tracking was lost
    timestamp: float  # of the colour image, seconds
    offset: int  # of the colour blob; the depth blob follows it
    color_bytes: int
    depth_bytes: int

    @property
    def is_tracked(self) -> bool:
        """Whether the frame has a pose: untracked ones are all -inf, in some recordings all 0."""
        return bool(np.isfinite(self.depth_camera_to_world).all() and self.depth_camera_to_world.any())


@dataclass(frozen=True)
class Recording:
    """The header of a .sens file and the places of its frames; the pictures stay in the file."""

    path: Path
    sensor: str
    color_camera: Camera
    depth_camera: Camera
    color_to_base: NDArray[np.float64]  # (4, 4)
    depth_to_base: NDArray[np.float64]  # (4, 4)
    color_compression: str
    depth_compression: str
    depth_scale: float  # stored units per metre
    frames: tuple[SensFrame, ...]

    def color_blob(self, frame: SensFrame) -> bytes:
        """The colour image as it is stored: a whole jpeg or png file, or the raw RGB bytes."""
        return self._read(frame.offset, frame.color_bytes)

    def depth(self, frame: SensFrame) -> NDArray[np.uint16]:
        """(height, width) stored units, 0 where there is no reading."""
        blob = self._read(frame.offset + frame.color_bytes, frame.depth_bytes)
        expected = self.depth_camera.width * self.depth_camera.height * 2
        if self.depth_compression == "zlib":
            blob = self._inflate(frame, blob, expected)
        if len(blob) != expected:
            raise BadScene(
                f"{self.path}, frame {frame.index}: {len(blob)} bytes of depth; "
                f"{self.depth_camera.width}x{self.depth_camera.height} readings are {expected}"
            )
        return np.frombuffer(blob, "<u2").reshape(self.depth_camera.height, self.depth_camera.width).astype(np.uint16)

    def _inflate(self, frame: SensFrame, blob: bytes, expected: int) -> bytes:
        try:
            return zlib.decompressobj().decompress(blob, expected + 1)
        except zlib.error as error:
            raise BadScene(f"{self.path}, frame {frame.index}: its depth cannot be decompressed: {error}") from error

    def _read(self, offset: int, count: int) -> bytes:
        with self.path.open("rb") as file:
            file.seek(offset)
            data = file.read(count)
        if len(data) != count:
            raise BadScene(f"{self.path}: the file ended while it was being read ({len(data)} of {count} bytes)")
        return data


def read_recording(path: Path) -> Recording:
    """Walk through a .sens file from frame to frame, reading no picture; whatever does not add up is BadScene."""
    require_file(path)
    try:
        with path.open("rb") as file:
            size = file.seek(0, io.SEEK_END)
            file.seek(0)
            return _Walk(path, file, size).recording()
    except OSError as error:
        raise BadScene(f"{path}: {error.strerror or error}") from error


class _Walk:
    """One pass over an open file; nothing is read before it is known to be there."""

    def __init__(self, path: Path, file: BinaryIO, size: int) -> None:
        self.path, self.file, self.size = path, file, size

    def recording(self) -> Recording:
        (version,) = struct.unpack("<I", self.take(4, "its version"))
        if version != 4:
            raise BadScene(f"{self.path}: .sens version {version}; version 4 was expected")
        (length,) = struct.unpack("<Q", self.take(8, "the sensor's name"))
        if length > _MAX_NAME:
            raise BadScene(f"{self.path}: the sensor's name has {length:,} bytes; at most {_MAX_NAME:,} were expected")
        sensor = self.take(length, "the sensor's name").decode("utf-8", "replace")
        fixed = _FIXED.unpack(self.take(_FIXED.size, "its header"))
        color_k, color_to_base, depth_k, depth_to_base = np.array(fixed[:64], dtype=np.float64).reshape(4, 4, 4)
        color_code, depth_code, color_w, color_h, depth_w, depth_h, depth_scale, frame_count = fixed[64:]
        if color_code not in _COLOR_COMPRESSION:
            raise BadScene(f"{self.path}: colour compression {color_code}; known: 0 raw, 1 png, 2 jpeg")
        if depth_code not in _DEPTH_COMPRESSION:
            raise BadScene(f"{self.path}: depth compression {depth_code}; known: 0 raw, 1 zlib")
        if not (np.isfinite(depth_scale) and depth_scale > 0):
            raise BadScene(f"{self.path}: {depth_scale} depth units per metre; a positive number was expected")
        for what, width, height in (("colour", color_w, color_h), ("depth", depth_w, depth_h)):
            if not 0 < width * height <= MAX_PIXELS:
                raise BadScene(f"{self.path}: {what} images of {width}x{height} pixels; 1 to {MAX_PIXELS:,} are read")
        color_limit = color_w * color_h * 6 + (1 << 16)
        depth_limit = depth_w * depth_h * 3 + (1 << 16)
        return Recording(
            self.path,
            sensor,
            self.camera(color_w, color_h, color_k),
            self.camera(depth_w, depth_h, depth_k),
            color_to_base,
            depth_to_base,
            _COLOR_COMPRESSION[color_code],
            _DEPTH_COMPRESSION[depth_code],
            float(depth_scale),
            self.frames(frame_count, color_limit, depth_limit),
        )

    def frames(self, count: int, color_limit: int, depth_limit: int) -> tuple[SensFrame, ...]:
        left = self.size - self.file.tell()
        if count * _FRAME.size > left:
            raise BadScene(
                f"{self.path}: the header counts {count:,} frames of at least {_FRAME.size} bytes, "
                f"but {left:,} bytes follow it"
            )
        frames = []
        for index in range(count):
            *pose, color_time, _, color_bytes, depth_bytes = _FRAME.unpack(
                self.take(_FRAME.size, f"frame {index} of {count}")
            )
            if color_bytes > color_limit or depth_bytes > depth_limit:
                raise BadScene(
                    f"{self.path}, frame {index}: {color_bytes:,} bytes of colour and {depth_bytes:,} of depth; "
                    f"images of these sizes have at most {color_limit:,} and {depth_limit:,}"
                )
            offset = self.file.tell()
            end = offset + color_bytes + depth_bytes
            if end > self.size:
                raise BadScene(
                    f"{self.path}: truncated in frame {index} of {count}: the file has {self.size:,} bytes, the "
                    f"frame ends at {end:,}"
                )
            matrix = np.array(pose, dtype=np.float64).reshape(4, 4)
            frames.append(SensFrame(index, matrix, color_time / 1e6, offset, color_bytes, depth_bytes))
            self.file.seek(end)
        self.end(count)
        return tuple(frames)

    def end(self, count: int) -> None:
        """After the frames comes nothing, or IMU records as many as their count says."""
        left = self.size - self.file.tell()
        if left == 0:
            return
        records = struct.unpack("<Q", self.take(8, "its IMU records"))[0] if left >= 8 else 0
        if left != 8 + records * _IMU_BYTES:
            raise BadScene(
                f"{self.path}: {left:,} bytes follow the {count} frames that the header counts; "
                f"{records} IMU records, as those bytes begin, would have {8 + records * _IMU_BYTES:,}"
            )

    def camera(self, width: int, height: int, matrix: NDArray[np.float64]) -> Camera:
        with naming(self.path):
            return Camera(width, height, *(float(matrix[cell]) for cell in ((0, 0), (1, 1), (0, 2), (1, 2))))

    def take(self, count: int, what: str) -> bytes:
        data = self.file.read(count)
        if len(data) != count:
            raise BadScene(f"{self.path}: truncated in {what}: {count} bytes were expected, {len(data)} are left")
        return data
