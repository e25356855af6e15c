"""OpenScene's processed folders: points as .pth, images as large as their depth, one folder per scene."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from ....core.scene import PointCloud
from ...cameras.resizing import resize_nearest
from ...formats.openscene.classes import CLASSES
from ...formats.openscene.files import UNLABELLED, write_points
from ...formats.openscene.layout import LONG
from ...formats.scannet.nyu40 import NYU40
from ..recording import RecordedFrame, Recording

NEXT = "ovstore ingest openscene {path}"
_PICTURES, _POINTS = "scannet_2d", "scannet_3d/val"
_JPEG_QUALITY = 75


def write(folder: Path, recording: Recording) -> None:
    """All files of one scene as of ScanNet: its 20 classes, frames by number, poses with six decimals."""
    pictures, points = folder / _PICTURES / recording.name, folder / _POINTS
    for part in ("color", "depth", "pose"):
        (pictures / part).mkdir(parents=True)
    for number, frame in enumerate(recording.frames):
        (pictures / f"color/{number}.jpg").write_bytes(_color(frame, recording))
        Image.fromarray(frame.depth).save(pictures / f"depth/{number}.png", compress_level=4)
        np.savetxt(pictures / f"pose/{number}.txt", frame.camera_to_world, fmt="%f")
    intrinsics = np.eye(4)
    intrinsics[:3, :3] = recording.depth_camera.matrix
    np.savetxt(folder / _PICTURES / "intrinsics.txt", intrinsics, fmt="%.10g")
    points.mkdir(parents=True)
    mesh = recording.mesh
    names = [NYU40.get(placed.nyu40) for placed in recording.scene.objects]
    classes = CLASSES["scannet"]
    labels = np.array([classes.index(name) if name in classes else UNLABELLED for name in names], np.float64)
    cloud = PointCloud(mesh.xyz.astype(np.float64), mesh.rgb)
    write_points(points / f"{recording.name}{LONG}.pth", cloud, labels[mesh.object_id])


def write_set(root: Path, names: Sequence[str]) -> None:
    """Nothing: the folders are the set."""


def _color(frame: RecordedFrame, recording: Recording) -> bytes:
    camera = recording.depth_camera
    if (recording.color_camera.width, recording.color_camera.height) == (camera.width, camera.height):
        return frame.jpeg
    written = BytesIO()
    pixels = np.asarray(Image.open(BytesIO(frame.jpeg)))
    Image.fromarray(resize_nearest(pixels, camera)).save(written, "jpeg", quality=_JPEG_QUALITY)
    return written.getvalue()
