"""The ScanNet release: .sens, meshes, segments, aggregation, one folder per scene."""

import json
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..palette import NYU40_RGB
from ..recording import Recording

NEXT = "ovstore ingest scannet {path} --frame-stride 1"
_SENSOR = b"StructureSensor"
_JPEG, _ZLIB = 2, 1  # .sens compression codes
_SEGMENTATION = {
    "kThresh": "0.0001", "segMinVerts": "20", "minPoints": "750", "maxPoints": "30000",
    "thinThresh": "0.05", "flatThresh": "0.001", "minLength": "0.02", "maxLength": "1",
}  # fmt: skip


def write(folder: Path, recording: Recording) -> None:
    """All files of one scene."""
    name, mesh, objects = recording.name, recording.mesh, recording.scene.objects
    nyu40 = np.array([placed.nyu40 for placed in objects], np.uint16)[mesh.object_id]
    segments_file = f"{name}_vh_clean_2.0.010000.segs.json"
    (folder / f"{name}.sens").write_bytes(sens_bytes(recording))
    (folder / f"{name}_vh_clean_2.ply").write_bytes(ply_bytes(mesh.xyz, mesh.rgb, mesh.faces))
    (folder / f"{name}_vh_clean_2.labels.ply").write_bytes(ply_bytes(mesh.xyz, NYU40_RGB[nyu40], mesh.faces, nyu40))
    _write_json(
        folder / segments_file,
        {"params": _SEGMENTATION, "sceneId": name, "segIndices": mesh.segment.tolist()},
    )
    groups = []
    for placed in objects:
        members = np.unique(mesh.segment[mesh.object_id == placed.object_id]).tolist()
        if members:
            number = placed.object_id
            groups.append({"id": number, "objectId": number, "segments": members, "label": placed.label})
    _write_json(
        folder / f"{name}.aggregation.json",
        {
            "sceneId": f"scannet.{name}",
            "appId": "Aggregator.v2",
            "segGroups": groups,
            "segmentsFile": f"scannet.{segments_file}",
        },
    )
    (folder / f"{name}.txt").write_text(_facts(recording), encoding="ascii", newline="\n")


def write_set(root: Path, names: Sequence[str]) -> None:
    """The lists scannetv2_train.txt and scannetv2_val.txt: every fourth scene is for validation."""
    for split, chosen in (("train", [n for k, n in enumerate(names) if k % 4 != 3]), ("val", names[3::4])):
        text = "".join(f"{name}\n" for name in chosen)
        (root / f"scannetv2_{split}.txt").write_text(text, encoding="ascii", newline="\n")


def sens_bytes(recording: Recording) -> bytes:
    """A .sens file, version 4: jpeg colour, zlib depth in millimetres, no IMU records."""
    color, depth = recording.color_camera, recording.depth_camera
    identity = np.eye(4)
    head = [struct.pack("<IQ", 4, len(_SENSOR)), _SENSOR]
    for camera in (color, depth):
        intrinsic = np.eye(4)
        intrinsic[:3, :3] = camera.matrix
        head += [_f32(intrinsic), _f32(identity)]
    sizes = (color.width, color.height, depth.width, depth.height)
    head.append(struct.pack("<2i4IfQ", _JPEG, _ZLIB, *sizes, 1000.0, len(recording.frames)))
    body = []
    for number, frame in enumerate(recording.frames):
        time = 1_000_000 + number * 33_333
        packed = zlib.compress(frame.depth.astype("<u2").tobytes(), 6)
        body += [_f32(frame.camera_to_world), struct.pack("<4Q", time, time, len(frame.jpeg), len(packed))]
        body += [frame.jpeg, packed]
    return b"".join([*head, *body, struct.pack("<Q", 0)])


def ply_bytes(
    xyz: NDArray[np.float32], rgb: NDArray[np.uint8], faces: NDArray[np.int32], label: NDArray[np.uint16] | None = None
) -> bytes:
    """A binary .ply with the properties of ScanNet's meshes."""
    fields: list[Any] = [(axis, "<f4") for axis in "xyz"]
    fields += [(channel, "u1") for channel in ("red", "green", "blue", "alpha")]
    lines = [f"property float {axis}" for axis in "xyz"]
    lines += [f"property uchar {channel}" for channel in ("red", "green", "blue", "alpha")]
    if label is not None:
        fields.append(("label", "<u2"))
        lines.append("property ushort label")
    vertices = np.zeros(len(xyz), fields)
    vertices["x"], vertices["y"], vertices["z"] = xyz.T
    vertices["red"], vertices["green"], vertices["blue"] = rgb.T
    vertices["alpha"] = 255
    if label is not None:
        vertices["label"] = label
    triangles = np.zeros(len(faces), [("count", "u1"), ("rows", "<i4", 3)])
    triangles["count"], triangles["rows"] = 3, faces
    head = ["ply", "format binary_little_endian 1.0", f"element vertex {len(xyz)}", *lines]
    head += [f"element face {len(faces)}", "property list uchar int vertex_indices", "end_header", ""]
    return "\n".join(head).encode("ascii") + vertices.tobytes() + triangles.tobytes()


def _facts(recording: Recording) -> str:
    """The scene's .txt, key by key as ScanNet has them."""
    color, depth, count = recording.color_camera, recording.depth_camera, len(recording.frames)
    facts: dict[str, Any] = {
        "axisAlignment": _numbers(np.linalg.inv(recording.scene.room_to_world)),
        "colorHeight": color.height,
        "colorToDepthExtrinsics": _numbers(np.eye(4)),
        "colorWidth": color.width,
        "depthHeight": depth.height,
        "depthWidth": depth.width,
        "fx_color": f"{color.fx:.6f}",
        "fx_depth": f"{depth.fx:.6f}",
        "fy_color": f"{color.fy:.6f}",
        "fy_depth": f"{depth.fy:.6f}",
        "mx_color": f"{color.cx:.6f}",
        "mx_depth": f"{depth.cx:.6f}",
        "my_color": f"{color.cy:.6f}",
        "my_depth": f"{depth.cy:.6f}",
        "numColorFrames": count,
        "numDepthFrames": count,
        "numIMUmeasurements": 0,
        "sceneType": recording.scene.scene_type,
    }
    return "".join(f"{key} = {value}\n" for key, value in facts.items())


def _numbers(matrix: NDArray[np.floating]) -> str:
    return " ".join(f"{value:.6f}" for value in (matrix + 0.0).ravel())


def _f32(matrix: NDArray[np.float64]) -> bytes:
    return np.ascontiguousarray(matrix, "<f4").tobytes()


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, separators=(",", ":")), encoding="ascii", newline="\n")
