"""Replica as NICE-SLAM publishes it, with the semantic mesh of the release: one folder per scene."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ....store.files.ply_writer import write_ply
from ..palette import NYU40_RGB
from ..recording import Recording
from ..registered import registered

NEXT = "ovstore ingest replica {path} --frame-stride 1"
DEPTH_SCALE = 6553.5  # stored units per metre


def write(folder: Path, recording: Recording) -> None:
    """All files of one scene; traj.txt as numpy.savetxt writes it, with a row for every frame."""
    color, results = recording.color_camera, folder / "results"
    results.mkdir()
    for number, frame in enumerate(recording.frames):
        depth = registered(frame.depth, recording.depth_camera, color)
        stored = np.minimum(np.rint(depth * (DEPTH_SCALE / 1000)), 65534).astype(np.uint16)
        (results / f"frame{number:06d}.jpg").write_bytes(frame.jpeg)
        Image.fromarray(stored).save(results / f"depth{number:06d}.png", compress_level=4)
    poses = [frame.camera_to_world.ravel() for frame in recording.frames]
    np.savetxt(folder / "traj.txt", np.array(poses))
    camera = {"w": color.width, "h": color.height, "fx": color.fx, "fy": color.fy, "cx": color.cx, "cy": color.cy}
    body = json.dumps({"camera": {**camera, "scale": DEPTH_SCALE}}, indent=4)
    (folder / "cam_params.json").write_text(body + "\n", encoding="ascii", newline="\n")
    write_ply(folder / "mesh.ply", recording.mesh.xyz, recording.mesh.rgb, faces=recording.mesh.faces)
    _write_semantics(folder / "habitat", recording)


def write_set(root: Path, names: Sequence[str]) -> None:
    """Nothing: each scene has its camera."""


def _write_semantics(folder: Path, recording: Recording) -> None:
    """mesh_semantic.ply with an object_id a face, info_semantic.json with the class of each object."""
    folder.mkdir()
    mesh, objects = recording.mesh, recording.scene.objects
    names = sorted({placed.label for placed in objects})
    nyu40 = np.array([placed.nyu40 for placed in objects])[mesh.object_id]
    object_id = mesh.object_id[mesh.faces[:, 0]]
    (folder / "mesh_semantic.ply").write_bytes(semantic_ply(mesh.xyz, NYU40_RGB[nyu40], mesh.faces, object_id))
    listed = [
        {"id": placed.object_id, "class_id": names.index(placed.label) + 1, "class_name": placed.label}
        for placed in objects
    ]
    body = {
        "classes": [{"id": number, "name": name} for number, name in enumerate(names, start=1)],
        "gravity_center": [0.0, 0.0, 0.0],
        "gravity_dir": [0.0, 0.0, -1.0],
        "id_to_label": [entry["class_id"] for entry in listed],
        "objects": listed,
    }
    (folder / "info_semantic.json").write_text(json.dumps(body), encoding="ascii", newline="\n")


def semantic_ply(
    xyz: NDArray[np.float32], rgb: NDArray[np.uint8], faces: NDArray[np.int32], object_id: NDArray[np.int32]
) -> bytes:
    """A binary .ply of polygons with an object_id each."""
    vertices = np.zeros(len(xyz), [(axis, "<f4") for axis in "xyz"] + [(c, "u1") for c in ("red", "green", "blue")])
    vertices["x"], vertices["y"], vertices["z"] = xyz.T
    vertices["red"], vertices["green"], vertices["blue"] = rgb.T
    polygons = np.zeros(len(faces), [("count", "u1"), ("rows", "<i4", 3), ("object_id", "<i4")])
    polygons["count"], polygons["rows"], polygons["object_id"] = 3, faces, object_id
    head = ["ply", "format binary_little_endian 1.0", f"element vertex {len(xyz)}"]
    head += [f"property float {axis}" for axis in "xyz"] + [f"property uchar {c}" for c in ("red", "green", "blue")]
    head += [f"element face {len(faces)}", "property list uchar int vertex_indices", "property int object_id"]
    return "\n".join([*head, "end_header", ""]).encode("ascii") + vertices.tobytes() + polygons.tobytes()
