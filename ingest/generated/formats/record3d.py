"""Record3D's recordings: images, depth, confidence and metadata in one .r3d; one folder per recording."""

import json
import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from ..recording import Recording
from ..registered import registered

NEXT = "ovstore ingest record3d {path} --frame-stride 1"
_FPS, _SURE = 60, 2
_Y_UP = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])  # of a world whose z is up
_OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])


def write(folder: Path, recording: Recording) -> None:
    """NAME.r3d; the app keeps no frame whose pose was lost. LZFSE's blocks hold their bytes as they are."""
    color = recording.color_camera
    tracked = [frame for frame in recording.frames if np.isfinite(frame.camera_to_world).all()]
    numbers = [color.fx, color.fy, color.cx + 0.5, color.cy + 0.5]
    fx, fy, cx, cy = (round(value, 6) for value in numbers)
    poses = []
    with zipfile.ZipFile(folder / f"{recording.name}.r3d", "w") as archive:
        for number, frame in enumerate(tracked):
            readings = registered(frame.depth, recording.depth_camera, color)
            metres = np.where(readings > 0, readings.astype("<f4") / 1000, np.nan).astype("<f4")
            sure = np.where(readings > 0, _SURE, 0).astype(np.uint8)
            members = {"jpg": frame.jpeg, "depth": _lzfse(metres.tobytes()), "conf": _lzfse(sure.tobytes())}
            for kind, content in members.items():
                archive.writestr(zipfile.ZipInfo(f"rgbd/{number}.{kind}"), content)
            pose = _Y_UP @ frame.camera_to_world @ _OPENGL
            rotation = Rotation.from_matrix(pose[:3, :3]).as_quat()
            poses.append([round(float(value), 9) for value in (*rotation, *pose[:3, 3])])
        body = {
            "w": color.width, "h": color.height, "dw": color.width, "dh": color.height, "fps": _FPS,
            "K": [fx, 0, 0, 0, fy, 0, cx, cy, 1],
            "perFrameIntrinsicCoeffs": [[fx, fy, cx, cy]] * len(poses),
            "initPose": [0, 0, 0, 1, 0, 0, 0],
            "poses": poses,
            "frameTimestamps": [round(number / _FPS, 6) for number in range(len(poses))],
        }  # fmt: skip
        archive.writestr(zipfile.ZipInfo("metadata"), json.dumps(body))


def write_set(root: Path, names: Sequence[str]) -> None:
    """Nothing: the folders are the set."""


def _lzfse(content: bytes) -> bytes:
    return b"bvx-" + struct.pack("<I", len(content)) + content + b"bvx$"
