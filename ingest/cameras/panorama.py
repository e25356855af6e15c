"""Equirectangular panoramas cut into six pinhole views of 90 degrees, the faces of a cube.

As nerfstudio has it: columns are the longitude, rows the latitude, the middle of the picture is what the camera looks
at (OpenCV's z), right of it lies its right, the top row is above it. Views have as many pixels per degree in their
middle as the panorama has at its horizon.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import map_coordinates

from ...core.errors import BadScene
from ...core.names import shortened
from ...core.scene import Camera, Frame
from ..files.derived import derived_folder, made_once
from ..files.images import image_size, read_image

_Read = Callable[[Path], NDArray[np.uint8]]

MODEL = "EQUIRECTANGULAR"
_AXES: dict[str, Sequence[Sequence[float]]] = {  # a view's right, down and forward in the panorama's
    "front": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "right": ((0, 0, -1), (0, 1, 0), (1, 0, 0)),
    "back": ((-1, 0, 0), (0, 1, 0), (0, 0, -1)),
    "left": ((0, 0, 1), (0, 1, 0), (-1, 0, 0)),
    "up": ((1, 0, 0), (0, 0, 1), (0, -1, 0)),
    "down": ((1, 0, 0), (0, 0, -1), (0, 1, 0)),
}


def views(
    name: str, camera_to_world: NDArray[np.float64], image: Path, mask: Path | None, unpacked: Path
) -> list[Frame]:
    """The frames of one panorama, `name`_front and so on, their pictures below `unpacked`."""
    width, height = image_size(image)
    if width != 2 * height:
        raise BadScene(
            f"{image}: {width}x{height} pixels; a panorama of the whole sphere is twice as wide as it is high"
        )
    if mask is not None and (masked := image_size(mask)) != (width, height):
        raise BadScene(f"{mask}: a mask of {masked[0]}x{masked[1]} pixels for a panorama of {width}x{height}")
    camera, read = view_camera(width), cache(read_image)  # once for the six
    frames = []
    for view, axes in _AXES.items():
        turn = np.eye(4)
        turn[:3, :3] = np.array(axes).T
        frame = Frame(f"{name}_{view}", camera, camera_to_world @ turn, _cut(image, view, camera, unpacked, read))
        if mask is not None:
            frame = replace(frame, mask_path=_cut(mask, view, camera, unpacked, read, is_mask=True))
        frames.append(frame)
    return frames


def view_camera(width: int) -> Camera:
    """Of each view of a panorama so many pixels wide."""
    size = max(2, round(width / math.pi))
    return Camera(size, size, size / 2, size / 2, (size - 1) / 2, (size - 1) / 2)


def sampled(panorama: NDArray[np.uint8], view: str, camera: Camera, order: int = 1) -> NDArray[np.uint8]:
    """(h, w, 3) what a view shows of the (H, W, 3) panorama: blended from four pixels, or with order 0 the nearest."""
    height, width, _ = panorama.shape
    x = (np.arange(camera.width) - camera.cx) / camera.fx
    y = (np.arange(camera.height) - camera.cy) / camera.fy
    right, down, forward = np.array(_AXES[view], np.float64)
    rays = x[None, :, None] * right + y[:, None, None] * down + forward
    longitude = np.arctan2(rays[..., 0], rays[..., 2])
    latitude = np.arctan2(-rays[..., 1], np.hypot(rays[..., 0], rays[..., 2]))
    column = (longitude / (2 * np.pi) + 0.5) * width - 0.5
    row = (0.5 - latitude / np.pi) * height - 0.5
    joined = np.concatenate([panorama[:, -1:], panorama, panorama[:, :1]], axis=1)  # around the back
    places = [row, column + 1]
    channels = [map_coordinates(joined[..., k], places, order=order, mode="nearest") for k in range(3)]
    return np.stack(channels, axis=2)


def _cut(picture: Path, view: str, camera: Camera, unpacked: Path, read: _Read, is_mask: bool = False) -> Path:
    folder = derived_folder(unpacked, [picture], f"panorama 1: {picture} {camera} {is_mask}")
    target = folder / f"{shortened(picture.stem)}_{view}.{'png' if is_mask else 'jpg'}"
    return made_once(target, partial(_write, picture, view, camera, read, is_mask))


def _write(picture: Path, view: str, camera: Camera, read: _Read, is_mask: bool, target: Path) -> None:
    pixels = sampled(read(picture), view, camera, 0 if is_mask else 1)
    if is_mask:
        Image.fromarray(pixels).save(target, "png", compress_level=4)
    else:
        Image.fromarray(pixels).save(target, "jpeg", quality=95, subsampling=0)
