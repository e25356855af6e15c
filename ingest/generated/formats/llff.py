"""An LLFF scene with 3D-OVS's masks: poses_bounds.npy, images, COLMAP's sparse model, segmentations of some views."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ....core.scene import Camera
from ...cameras.lenses import Lens
from ..lens_pictures import through
from ..recording import RecordedFrame, Recording
from ..scene import render
from ..sensor import encode_jpeg
from .colmap import Model, sparse_model, write_binary

NEXT = "ovstore ingest llff {path}"
_CLOSER = 1.05  # times the recording's focal length: what LLFF's camera shows, the recording has
_SEGMENTED = 3  # views with masks


def write(folder: Path, recording: Recording) -> None:
    """All files of one scene; frames without tracking are left out, as COLMAP leaves out what it cannot register."""
    camera = _square(recording.color_camera)
    lens = Lens("SIMPLE_PINHOLE", camera.width, camera.height, camera.fx, camera.fy, camera.cx, camera.cy)
    model = sparse_model(recording, lens)
    views = [recording.frames[image.number - 1] for image in model.images]
    (folder / "images").mkdir()
    for image, view in zip(model.images, views, strict=True):
        rgb = np.asarray(Image.open(io.BytesIO(view.jpeg)))
        picture = through(lens, rgb, recording.color_camera)
        (folder / "images" / image.name).write_bytes(encode_jpeg(picture, 95))
    (folder / "sparse" / "0").mkdir(parents=True)
    write_binary(folder / "sparse" / "0", model)
    np.save(folder / "poses_bounds.npy", poses_bounds(camera, views, model))
    _write_masks(folder / "segmentations", recording, camera, views)


def write_set(root: Path, names: Sequence[str]) -> None:
    """Nothing: the folders are the set."""


def poses_bounds(camera: Camera, views: Sequence[RecordedFrame], model: Model) -> NDArray[np.float64]:
    """(N, 17): axes down, right and backwards, centre, (height, width, focal), and the depths of the points seen."""
    where = {point.number: point.xyz for point in model.points}
    size = np.array([camera.height, camera.width, camera.fx])
    rows = []
    for image, view in zip(model.images, views, strict=True):
        right, down, forward, centre = view.camera_to_world[:3].T
        seen = np.array([where[number] for number in image.point_ids.tolist() if number in where]).reshape(-1, 3)
        depth = (seen - centre) @ forward if len(seen) else np.array([0.5, 5.0])
        matrix = np.stack([down, right, -forward, centre, size], axis=1)
        rows.append(np.concatenate([matrix.ravel(), np.percentile(depth, [0.1, 99.9])]))
    return np.array(rows)


def _square(camera: Camera) -> Camera:
    """One focal length, and the principal point in the middle."""
    focal = max(camera.fx, camera.fy) * _CLOSER
    return Camera(camera.width, camera.height, focal, focal, (camera.width - 1) / 2, (camera.height - 1) / 2)


def _write_masks(folder: Path, recording: Recording, camera: Camera, views: Sequence[RecordedFrame]) -> None:
    """classes.txt, and a mask of each class in views spread over the scene."""
    folder.mkdir()
    objects = recording.scene.objects
    names = sorted({placed.label for placed in objects})
    (folder / "classes.txt").write_text("".join(f"{name}\n" for name in names), encoding="utf-8", newline="\n")
    of_object = np.array([names.index(placed.label) for placed in objects])
    for row in np.unique(np.linspace(0, len(views) - 1, _SEGMENTED).round().astype(int)).tolist():
        instance = render(recording.scene, camera, views[row].camera_to_world).instance
        label = np.where(instance >= 0, of_object[instance], -1)
        (folder / f"{row:02d}").mkdir()
        for number, name in enumerate(names):
            mask = np.where(label == number, 255, 0).astype(np.uint8)
            Image.fromarray(mask).save(folder / f"{row:02d}" / f"{name}.png")
