"""A folder of posed RGB-D: color/, depth/, pose/, intrinsic/ and a labelled mesh, one folder per scene."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ....core.scene import Camera
from ....store.files.ply_writer import write_ply
from ..recording import Recording

NEXT = "ovstore ingest rgbd {path}"


def write(folder: Path, recording: Recording) -> None:
    """All files of one scene; depth in millimetres, camera_to_world as 4x4 text, -inf where tracking was lost."""
    write_with(folder, recording, {})


def write_with(folder: Path, recording: Recording, columns: Mapping[str, NDArray[np.int32]]) -> None:
    """The same with further (N,) columns of the mesh, such as `segment`."""
    for part in ("color", "depth", "pose", "intrinsic"):
        (folder / part).mkdir()
    for number, frame in enumerate(recording.frames):
        (folder / "color" / f"{number:06d}.jpg").write_bytes(frame.jpeg)
        Image.fromarray(frame.depth).save(folder / "depth" / f"{number:06d}.png", compress_level=4)
        _write_matrix(folder / "pose" / f"{number:06d}.txt", frame.camera_to_world)
    for which, camera in (("color", recording.color_camera), ("depth", recording.depth_camera)):
        _write_matrix(folder / "intrinsic" / f"intrinsic_{which}.txt", _homogeneous(camera))
    _write_mesh(folder, recording, columns)


def write_set(root: Path, names: Sequence[str]) -> None:
    """Nothing: the folders are the set."""


def _write_mesh(folder: Path, recording: Recording, more: Mapping[str, NDArray[np.int32]]) -> None:
    """mesh.ply with `label` and `instance` a vertex, and label_names.json for the labels' names."""
    mesh, objects = recording.mesh, recording.scene.objects
    names = sorted({placed.label for placed in objects})
    label = np.array([names.index(placed.label) for placed in objects])[mesh.object_id]
    columns = {"label": label, "instance": mesh.object_id, **more}
    write_ply(folder / "mesh.ply", mesh.xyz, mesh.rgb, faces=mesh.faces, columns=columns)
    text = json.dumps({str(number): name for number, name in enumerate(names)}, indent=1)
    (folder / "label_names.json").write_text(text + "\n", encoding="ascii", newline="\n")


def _homogeneous(camera: Camera) -> NDArray[np.float64]:
    matrix = np.eye(4)
    matrix[:3, :3] = camera.matrix
    return matrix


def _write_matrix(path: Path, matrix: NDArray[np.float64]) -> None:
    text = "".join(" ".join(f"{value:.6f}" for value in row) + "\n" for row in matrix)
    path.write_text(text, encoding="ascii", newline="\n")
