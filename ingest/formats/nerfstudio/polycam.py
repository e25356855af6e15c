"""Polycam's raw export, read as the transforms.json that ns-process-data would make of it.

    keyframes/corrected_images/ID.jpg  corrected_cameras/ID.json     else images/ and cameras/
    keyframes/depth/ID.png                                           millimetres

A camera's file has fx, fy, cx, cy, width, height, and t_00 ... t_23: the rows of camera-to-world, OpenGL's axes, in
ARKit's world (metres, y up). Facts: nerfstudio/process_data/polycam_utils.py.
"""

from pathlib import Path
from typing import Any

from ....core.errors import BadScene
from ....core.listing import entries
from ....core.regular import is_folder
from ...files.confined import Confined
from ...files.images import IMAGE_SUFFIXES
from ...files.json_text import read_object
from .transforms import Listed, listed

FOLDER = "keyframes"
_NAMES = {"fl_x": "fx", "fl_y": "fy", "cx": "cx", "cy": "cy", "w": "width", "h": "height"}


def is_polycam(folder: Path) -> bool:
    """Whether a folder is such an export."""
    return any(is_folder(folder / FOLDER / name) for name in ("cameras", "corrected_cameras"))


def read_polycam(folder: Path, confined: Confined) -> list[Listed]:
    """The keyframes; their paths are relative to `folder`."""
    keyframes = folder / FOLDER
    corrected = is_folder(keyframes / "corrected_cameras") and is_folder(keyframes / "corrected_images")
    prefix = "corrected_" if corrected else ""
    cameras, images = keyframes / f"{prefix}cameras", f"{FOLDER}/{prefix}images"
    files = [path for path in entries(cameras) if path.suffix == ".json"]
    endings = {path.stem: path.suffix for path in entries(folder / images)}
    rows = []
    for path in files:
        suffix = endings.get(path.stem, ".jpg")
        if suffix.lower() not in IMAGE_SUFFIXES:
            continue
        body = read_object(confined(path))
        entry: dict[str, Any] = {name: body.get(source) for name, source in _NAMES.items()}
        entry["file_path"] = f"{images}/{path.stem}{suffix}"
        entry["depth_file_path"] = f"{FOLDER}/depth/{path.stem}.png"
        entry["transform_matrix"] = [[body.get(f"t_{row}{column}") for column in range(4)] for row in range(3)]
        rows.append(listed(str(path), {}, entry))
    if not rows:
        raise BadScene(f"{cameras}: no .json of a camera in it")
    return rows
