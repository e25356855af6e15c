"""ARKitScenes' set raw: images, depth and intrinsics named by time, poses, mesh, boxes; one folder per recording."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial.transform import Rotation

from ....store.files.ply_writer import write_ply
from ..recording import Recording
from ..registered import registered

NEXT = "ovstore ingest arkitscenes {path} --frame-stride 1"
_FIRST, _APART = 6845.806, 0.1  # seconds
_SHELL = (1, 2, 22)  # nyu40 of wall, floor, ceiling: annotators drew boxes around furniture
_MARGIN = 0.01  # metres around an object's points


def write(folder: Path, recording: Recording) -> None:
    """All files of one recording; a frame whose pose was lost has no line in lowres_wide.traj."""
    color, name = recording.color_camera, recording.name
    assets = ("lowres_wide", "lowres_depth", "lowres_wide_intrinsics", "confidence")
    for asset in assets:
        (folder / asset).mkdir()
    pincam = f"{color.width} {color.height} {color.fx:.6g} {color.fy:.6g} {color.cx:.6g} {color.cy:.6g}\n"
    lines = []
    for number, frame in enumerate(recording.frames):
        seconds = _FIRST + number * _APART
        picture, depth, camera, confidence = (folder / asset / f"{name}_{seconds:.3f}" for asset in assets)
        Image.fromarray(_pixels(frame.jpeg)).save(picture.with_name(f"{picture.name}.png"), compress_level=4)
        readings = registered(frame.depth, recording.depth_camera, color)
        Image.fromarray(readings).save(depth.with_name(f"{depth.name}.png"), compress_level=4)
        sure = np.where(readings > 0, 2, 0).astype(np.uint8)
        Image.fromarray(sure).save(confidence.with_name(f"{confidence.name}.png"), compress_level=4)
        camera.with_name(f"{camera.name}.pincam").write_text(pincam, encoding="ascii", newline="\n")
        if np.isfinite(frame.camera_to_world).all():
            lines.append(_line(seconds + 0.00046, np.linalg.inv(frame.camera_to_world)))
    (folder / "lowres_wide.traj").write_text("".join(lines), encoding="ascii", newline="\n")
    mesh = recording.mesh
    write_ply(folder / f"{name}_3dod_mesh.ply", mesh.xyz, mesh.rgb, faces=mesh.faces)
    text = json.dumps({"data": _boxes(recording), "skipped": False})
    (folder / f"{name}_3dod_annotation.json").write_text(text, encoding="ascii", newline="\n")


def write_set(root: Path, names: Sequence[str]) -> None:
    """Nothing: the folders are the set."""


def _pixels(jpeg: bytes) -> NDArray[np.uint8]:
    return np.array(Image.open(io.BytesIO(jpeg)).convert("RGB"))


def _line(seconds: float, world_to_camera: NDArray[np.floating]) -> str:
    rotation = Rotation.from_matrix(world_to_camera[:3, :3]).as_rotvec()
    numbers = [f"{seconds:.8f}", *(f"{value:.12f}" for value in rotation)]
    return " ".join([*numbers, *(f"{value:.9f}" for value in world_to_camera[:3, 3])]) + "\n"


def _boxes(recording: Recording) -> list[dict[str, Any]]:
    """A box around the points of each object, along the object's own axes."""
    boxes = []
    for placed in recording.scene.objects:
        xyz = recording.mesh.xyz[recording.mesh.object_id == placed.object_id].astype(np.float64)
        if len(xyz) == 0 or placed.nyu40 in _SHELL:
            continue
        local = xyz @ placed.rotation
        low, high = local.min(axis=0) - _MARGIN, local.max(axis=0) + _MARGIN
        box = {
            "centroid": ((low + high) / 2 @ placed.rotation.T).round(9).tolist(),
            "axesLengths": (high - low).round(9).tolist(),
            "normalizedAxes": placed.rotation.T.ravel().round(12).tolist(),
        }
        uid = f"{recording.name}-{placed.object_id}"
        boxes.append({"uid": uid, "label": placed.label, "segments": {"obb": box, "obbAligned": box}})
    return boxes
