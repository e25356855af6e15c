"""A nerfstudio dataset as ns-process-data leaves it: transforms.json, distorted images, depth, sparse_pc.ply."""

import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ...cameras.lenses import Lens
from ...files.poses import from_opengl_axes
from ..lens_pictures import through
from ..recording import Recording
from ..sensor import encode_jpeg

NEXT = "ovstore ingest nerfstudio {path}"
_BEND = (0.04, -0.01, 0.0004, -0.0003)  # k1, k2, p1, p2: outward, so that the recording shows what the lens does
_COLMAP_TO_Z_UP = [[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [-0.0, -1.0, -0.0, -0.0]]


def write(folder: Path, recording: Recording) -> None:
    """All files of one scene; frames without tracking have a picture and are not listed."""
    (folder / "images").mkdir()
    (folder / "depth").mkdir()
    camera = recording.color_camera
    lens = Lens("OPENCV", camera.width, camera.height, camera.fx, camera.fy, camera.cx, camera.cy, _BEND)
    frames = []
    for number, frame in enumerate(recording.frames, start=1):
        image, depth = f"images/frame_{number:05d}.jpg", f"depth/frame_{number:05d}.png"
        rgb = np.asarray(Image.open(io.BytesIO(frame.jpeg)))
        (folder / image).write_bytes(encode_jpeg(through(lens, rgb, camera), 95))
        readings = through(lens, frame.depth, recording.depth_camera)
        Image.fromarray(readings).save(folder / depth, compress_level=4)
        if np.isfinite(frame.camera_to_world).all():
            matrix = from_opengl_axes(frame.camera_to_world[None])[0].tolist()
            listed = {"file_path": image, "transform_matrix": matrix, "colmap_im_id": number, "depth_file_path": depth}
            frames.append(listed)
    body = {
        "w": lens.width,
        "h": lens.height,
        "fl_x": lens.fx,
        "fl_y": lens.fy,
        "cx": lens.cx + 0.5,
        "cy": lens.cy + 0.5,
        **dict(zip(("k1", "k2", "p1", "p2"), _BEND, strict=True)),
        "camera_model": "OPENCV",
        "frames": frames,
        "applied_transform": _COLMAP_TO_Z_UP,
        "ply_file_path": "sparse_pc.ply",
    }
    (folder / "transforms.json").write_text(json.dumps(body, indent=4), encoding="ascii", newline="\n")
    (folder / "sparse_pc.ply").write_text(_ply(recording), encoding="ascii", newline="\n")


def write_set(root: Path, names: Sequence[str]) -> None:
    """Nothing: the folders are the set."""


def _ply(recording: Recording) -> str:
    """The mesh's points as ascii."""
    mesh = recording.mesh
    lines = ["ply", "format ascii 1.0", f"element vertex {len(mesh.xyz)}"]
    lines += [f"property float {axis}" for axis in "xyz"]
    lines += [f"property uint8 {channel}" for channel in ("red", "green", "blue")]
    lines.append("end_header")
    for (x, y, z), (red, green, blue) in zip(mesh.xyz.tolist(), mesh.rgb.tolist(), strict=True):
        lines.append(f"{x:8f} {y:8f} {z:8f} {red} {green} {blue}")
    return "\n".join(lines) + "\n"
