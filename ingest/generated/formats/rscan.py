"""3RScan: sequence.zip, a textured .obj, a labelled .ply, names of objects; one folder per scan."""

import io
import json
import math
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ....core.scene import Camera
from ..palette import NYU40_RGB
from ..recording import Recording

NEXT = "ovstore ingest rscan {path} --frame-stride 1"


def write(folder: Path, recording: Recording) -> None:
    """All files of one scan."""
    (folder / "sequence.zip").write_bytes(sequence_zip(recording))
    _write_textured(folder, recording)
    (folder / "labels.instances.annotated.v2.ply").write_bytes(labelled_ply(recording))
    mesh = recording.mesh
    groups = []
    for placed in recording.scene.objects:
        members = np.unique(mesh.segment[mesh.object_id == placed.object_id]).tolist()
        if members:
            number = placed.object_id + 1  # 0 is for what belongs to no object
            groups.append({"id": number, "objectId": number, "label": placed.label, "segments": members})
    _write_json(folder / "semseg.v2.json", {"scan_id": recording.name, "segGroups": groups})
    segments = {"sceneId": recording.name, "segIndices": mesh.segment.tolist()}
    _write_json(folder / "mesh.refined.0.010000.segs.v2.json", segments)


def write_set(root: Path, names: Sequence[str]) -> None:
    """3RScan.json: every scan is a reference, every fourth is for validation."""
    types = ["val" if number % 4 == 3 else "train" for number in range(len(names))]
    _write_json(
        root / "3RScan.json", [{"reference": n, "type": t, "scans": []} for n, t in zip(names, types, strict=True)]
    )


def sequence_zip(recording: Recording) -> bytes:
    """The recording; poses with six decimals as 3RScan has them."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        _add(archive, "_info.txt", _info(recording).encode("ascii"))
        for number, frame in enumerate(recording.frames):
            height, width = frame.depth.shape
            pgm = f"P5\n{width} {height}\n65535\n".encode("ascii") + frame.depth.astype(">u2").tobytes()
            pose = "".join(" ".join(f"{value:.6f}" for value in row) + "\n" for row in frame.camera_to_world)
            _add(archive, f"frame-{number:06d}.color.jpg", frame.jpeg)
            _add(archive, f"frame-{number:06d}.depth.pgm", pgm)
            _add(archive, f"frame-{number:06d}.pose.txt", pose.encode("ascii"))
    return packed.getvalue()


def labelled_ply(recording: Recording) -> bytes:
    """The ascii .ply of version 2; its colours tell objects apart."""
    mesh, objects = recording.mesh, recording.scene.objects
    nyu40 = np.array([placed.nyu40 for placed in objects])[mesh.object_id]
    names = sorted({placed.label for placed in objects})
    global_id = np.array([names.index(placed.label) + 1 for placed in objects])[mesh.object_id]
    none = np.zeros(len(nyu40), int)  # Eigen13 and RIO27, coarser classes
    columns = [*NYU40_RGB[nyu40].T, mesh.object_id + 1, global_id, nyu40, none, none]
    rows = np.stack(columns, axis=1).tolist()
    head = ["ply", "format ascii 1.0", f"element vertex {len(mesh.xyz)}"]
    head += [f"property float {axis}" for axis in "xyz"] + [f"property uchar {c}" for c in ("red", "green", "blue")]
    head += ["property ushort objectId", "property ushort globalId"]
    head += [f"property uchar {classes}" for classes in ("NYU40", "Eigen13", "RIO27")]
    head += [f"element face {len(mesh.faces)}", "property list uchar int vertex_indices", "end_header"]
    vertices = [
        " ".join([*(f"{value:.6f}" for value in place), *map(str, row)])
        for place, row in zip(mesh.xyz.tolist(), rows, strict=True)
    ]
    faces = [f"3 {a} {b} {c}" for a, b, c in mesh.faces.tolist()]
    return ("\n".join([*head, *vertices, *faces]) + "\n").encode("ascii")


def _write_textured(folder: Path, recording: Recording) -> None:
    """The mesh with a texture that has one pixel per vertex."""
    mesh = recording.mesh
    side = math.ceil(math.sqrt(len(mesh.xyz)))
    texture = np.zeros((side * side, 3), np.uint8)
    texture[: len(mesh.rgb)] = mesh.rgb
    Image.fromarray(texture.reshape(side, side, 3)).save(folder / "mesh.refined_0.png")
    row, column = np.divmod(np.arange(len(mesh.xyz)), side)
    uv: NDArray[np.float64] = np.stack([(column + 0.5) / side, 1 - (row + 0.5) / side], axis=1)
    lines = ["mtllib mesh.refined.mtl"]
    lines += [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in mesh.xyz.tolist()]
    lines += [f"vt {u:.6f} {v:.6f}" for u, v in uv.tolist()]
    lines += ["usemtl material_0"]
    lines += [f"f {a}/{a} {b}/{b} {c}/{c}" for a, b, c in (mesh.faces + 1).tolist()]
    (folder / "mesh.refined.v2.obj").write_text("\n".join(lines) + "\n", encoding="ascii", newline="\n")
    material = "newmtl material_0\nmap_Kd mesh.refined_0.png\n"
    (folder / "mesh.refined.mtl").write_text(material, encoding="ascii", newline="\n")


def _info(recording: Recording) -> str:
    color, depth = recording.color_camera, recording.depth_camera
    identity = _numbers(np.eye(4))
    facts = {
        "m_versionNumber": 4,
        "m_sensorName": "StructureSensor",
        "m_colorWidth": color.width,
        "m_colorHeight": color.height,
        "m_depthWidth": depth.width,
        "m_depthHeight": depth.height,
        "m_depthShift": 1000,
        "m_calibrationColorIntrinsic": _intrinsic(color),
        "m_calibrationColorExtrinsic": identity,
        "m_calibrationDepthIntrinsic": _intrinsic(depth),
        "m_calibrationDepthExtrinsic": identity,
        "m_frames.size": len(recording.frames),
    }
    return "".join(f"{key} = {value}\n" for key, value in facts.items())


def _intrinsic(camera: Camera) -> str:
    matrix = np.eye(4)
    matrix[:3, :3] = camera.matrix
    return _numbers(matrix)


def _numbers(matrix: NDArray[np.float64]) -> str:
    return " ".join(f"{value:g}" for value in matrix.ravel())


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """A member without a date of its own."""
    archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED, 6)


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, separators=(",", ":")), encoding="ascii", newline="\n")
