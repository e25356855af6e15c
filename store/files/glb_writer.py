"""GLB out: one cloud or mesh with colours as binary glTF 2.0, for web viewers, Blender, Windows and phones."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput
from ...core.files import replacing

_LARGEST = 2**32 - 1  # bytes: a GLB counts its own in 32 bits
_FINEST = 1e-4  # metres; where float32 is coarser than this, coordinates are given from the middle of the cloud
_TRIANGLES, _POINTS = 4, 0
_FLOAT, _USHORT, _UINT = 5126, 5123, 5125
_ATTRIBUTES, _CORNERS = 34962, 34963  # what a buffer view is for
_TYPES = {1: "SCALAR", 3: "VEC3", 4: "VEC4"}


def write_glb(
    path: Path,
    name: str,
    xyz: NDArray[np.floating],
    rgb: NDArray[np.uint8] | None = None,
    normals: NDArray[np.float32] | None = None,
    faces: NDArray[np.integer] | None = None,
    up_axis: str = "z",
) -> None:
    """One vertex per point, in the order given: xyz (N, 3) metres, rgb (N, 3) sRGB, normals (N, 3), faces (F, 3).

    glTF's y axis points up: the one node of the file turns `up_axis` to it, and the coordinates stay those of the scan.
    Colours are drawn as they are, without light, and are stored linear in 16 bits, as glTF demands.

    The file appears whole or not at all.
    """
    middle = np.zeros(3)
    if np.spacing(np.float32(np.abs(xyz).max(initial=0))) > _FINEST:
        middle = np.round((xyz.min(axis=0) + xyz.max(axis=0)) / 2)
    place = (xyz - middle).astype("<f4")
    blocks = _Blocks()
    attributes = {"POSITION": blocks.add(place, _FLOAT, low=place.min(axis=0), high=place.max(axis=0))}
    if normals is not None:
        attributes["NORMAL"] = blocks.add(normals.astype("<f4"), _FLOAT)
    if rgb is not None:
        attributes["COLOR_0"] = blocks.add(_linear(rgb), _USHORT, normalized=True)
    primitive: dict[str, Any] = {"attributes": attributes, "material": 0, "mode": _POINTS}
    if faces is not None and len(faces):
        primitive |= {"indices": blocks.add(faces.astype("<u4").reshape(-1), _UINT, _CORNERS), "mode": _TRIANGLES}
    flat = {"pbrMetallicRoughness": {"metallicFactor": 0, "roughnessFactor": 1}}
    _write(path, blocks, {
        "asset": {"version": "2.0", "generator": "ovstore"},
        "extensionsUsed": ["KHR_materials_unlit"],
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"name": name, "mesh": 0, "matrix": _matrix(up_axis, middle)}],
        "meshes": [{"name": name, "primitives": [primitive]}],
        "materials": [flat | {"extensions": {"KHR_materials_unlit": {}}}],
    })  # fmt: skip


class _Blocks:
    """The binary part of a GLB, and the views and accessors that say where each array lies in it."""

    def __init__(self) -> None:
        self.arrays: list[NDArray[np.generic]] = []
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []
        self.size = 0

    def add(
        self,
        array: NDArray[np.generic],
        kind: int,
        target: int = _ATTRIBUTES,
        low: NDArray[np.floating] | None = None,
        high: NDArray[np.floating] | None = None,
        normalized: bool = False,
    ) -> int:
        """The number of the accessor; rows of every array given here have a multiple of 4 bytes."""
        said: dict[str, Any] = {
            "bufferView": len(self.views),
            "componentType": kind,
            "count": len(array),
            "type": _TYPES[array.shape[1] if array.ndim == 2 else 1],
        }
        if low is not None and high is not None:
            said |= {"min": low.tolist(), "max": high.tolist()}
        if normalized:
            said["normalized"] = True
        self.views.append({"buffer": 0, "byteOffset": self.size, "byteLength": array.nbytes, "target": target})
        self.accessors.append(said)
        self.arrays.append(array)
        self.size += array.nbytes
        return len(self.accessors) - 1


def _write(path: Path, blocks: _Blocks, document: dict[str, Any]) -> None:
    document |= {
        "buffers": [{"byteLength": blocks.size}],
        "bufferViews": blocks.views,
        "accessors": blocks.accessors,
    }
    text = json.dumps(document, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 4)
    total = 12 + 8 + len(text) + 8 + blocks.size
    if total > _LARGEST:
        raise BadInput(f"{path.name} would have {total / 1e9:.1f} GB, and a GLB has at most 4.3: write a PLY instead.")
    with replacing(path) as part, open(part, "wb") as file:
        file.write(struct.pack("<4sII", b"glTF", 2, total))
        file.write(struct.pack("<I4s", len(text), b"JSON") + text)
        file.write(struct.pack("<I4s", blocks.size, b"BIN\0"))
        for array in blocks.arrays:
            file.write(np.ascontiguousarray(array).data)


def _linear(rgb: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """(N, 4) sRGB bytes as linear light, opaque."""
    share = np.arange(256) / 255
    curve = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    of_byte = (curve * 65535).round().astype("<u2")
    return np.concatenate([of_byte[rgb], np.full((len(rgb), 1), 65535, "<u2")], axis=1)


def _matrix(up_axis: str, middle: NDArray[np.floating]) -> list[float]:
    """The node's 16 numbers, column by column: from the scan's axes to y up; Blender undoes the turn of z."""
    axis = "xyz".index(up_axis[-1])
    turn = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]) if axis == 2 else np.roll(np.eye(3), 1 - axis, axis=0)
    if up_axis.startswith("-"):
        turn = np.diag([1.0, -1.0, -1.0]) @ turn
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn, turn @ middle
    return [float(number) for number in (matrix + 0.0).T.reshape(-1)]
