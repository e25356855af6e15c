"""A GLB read without a library: what its JSON says, and the colours of its vertices."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def document(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    magic, version, total, length, kind = struct.unpack_from("<4sIII4s", data)
    assert (magic, version, total, kind) == (b"glTF", 2, len(data), b"JSON")
    said: dict[str, Any] = json.loads(data[20 : 20 + length])
    return said


def linear_colours(path: Path) -> NDArray[np.float64]:
    """(N, 4) in [0, 1]."""
    said, data = document(path), path.read_bytes()
    accessor = said["accessors"][said["meshes"][0]["primitives"][0]["attributes"]["COLOR_0"]]
    assert (accessor["componentType"], accessor["normalized"], accessor["type"]) == (5123, True, "VEC4")
    start = len(data) - said["buffers"][0]["byteLength"] + said["bufferViews"][accessor["bufferView"]]["byteOffset"]
    return np.frombuffer(data, "<u2", accessor["count"] * 4, start).reshape(-1, 4) / 65535
