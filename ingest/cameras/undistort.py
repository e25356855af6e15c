"""Pictures of lenses with distortion, made once into pictures of pinholes.

Colour is blended from the four pixels around and written as JPEG (quality 95, no subsampling: half a grey level off, a
quarter of a PNG's bytes and time); depth is that of the nearest pixel, since a mean of two surfaces lies on neither. A
picture of 1.5 million pixels takes about 60 ms. What the lens does not move is used as it is.
"""

from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.sparse import csr_array

from ...core.errors import BadScene
from ...core.names import shortened
from ...core.scene import Camera
from ..files.derived import derived_folder, made_once
from ..files.images import has_float_depth, read_depth, read_image
from .lenses import Lens, distort, is_straight

Pixel = TypeVar("Pixel", bound=np.generic)
_STRIP = 1 << 16  # pixels resampled at a time: a strip's numbers stay in the processor's cache


def undistorted(image: Path, lens: Lens, camera: Camera, unpacked: Path) -> Path:
    """The picture as `camera` (lenses.pinhole_of) would have taken it: a JPEG below `unpacked`, or `image` itself."""
    if is_straight(lens):
        return image

    def make(path: Path) -> None:
        picture = rectified(_of_size(image, read_image(image), lens), lens, camera)
        Image.fromarray(picture).save(path, "jpeg", quality=95, subsampling=0)

    rule = f"undistorted 1: {image} {lens} {camera}"
    return made_once(derived_folder(unpacked, [image], rule) / f"{shortened(image.stem)}.jpg", make)


def undistorted_depth(depth: Path, lens: Lens, camera: Camera, unpacked: Path) -> Path:
    """The same for readings along the optical axis, in the stored units: .npy where they may be floats, else .png."""
    if is_straight(lens):
        return depth
    suffix = ".npy" if depth.suffix.lower() == ".npy" or has_float_depth(depth) else ".png"

    def make(path: Path) -> None:
        readings = _nearest(_of_size(depth, read_depth(depth, 1.0), lens), lens, camera)
        with path.open("wb") as file:
            if suffix == ".npy":
                np.save(file, readings)
            else:
                Image.fromarray(readings.astype(np.uint16)).save(file, "png", compress_level=4)

    rule = f"undistorted depth 1: {depth} {lens} {camera}"
    return made_once(derived_folder(unpacked, [depth], rule) / f"{shortened(depth.stem)}{suffix}", make)


def undistorted_mask(mask: Path, lens: Lens, camera: Camera, unpacked: Path) -> Path:
    """The same for a mask, white where any of its channels is not 0."""
    if is_straight(lens):
        return mask

    def make(path: Path) -> None:
        shown = np.asarray(read_image(mask).any(axis=2), np.float32)
        straight = _nearest(_of_size(mask, shown, lens), lens, camera)
        with path.open("wb") as file:
            Image.fromarray((straight > 0).astype(np.uint8) * 255).save(file, "png", compress_level=4)

    rule = f"undistorted mask 1: {mask} {lens} {camera}"
    return made_once(derived_folder(unpacked, [mask], rule) / f"{mask.stem[:80]}.png", make)


def rectified(picture: NDArray[np.uint8], lens: Lens, camera: Camera) -> NDArray[np.uint8]:
    """(h, w, 3) the pinhole's picture of the lens's (H, W, 3); beyond its border the border's pixels are repeated."""
    height, width, _ = picture.shape
    source = picture.reshape(-1, 3).astype(np.float32)
    made = np.empty((camera.height * camera.width, 3), np.uint8)
    uv = _source_pixels(lens, camera)
    for start in range(0, len(uv), _STRIP):
        u, v = uv[start : start + _STRIP].T
        column, row = np.minimum(u.astype(np.int32), width - 2), np.minimum(v.astype(np.int32), height - 2)
        right, below = u - column, v - row
        first = int(row.min()) * width  # the strip sees a band of the picture
        corner = row * width + column - first
        corners = np.stack([corner, corner + 1, corner + width, corner + width + 1], axis=1)
        weights = np.stack([(1 - right) * (1 - below), right * (1 - below), (1 - right) * below, right * below], axis=1)
        starts = np.arange(0, corners.size + 1, 4, dtype=np.int32)
        band = source[first : first + int(corner.max()) + width + 2]
        blend = csr_array((weights.ravel(), corners.ravel(), starts), shape=(len(u), len(band)))
        made[start : start + _STRIP] = blend @ band + np.float32(0.5)
    return made.reshape(camera.height, camera.width, 3)


def _nearest(depth: NDArray[np.float32], lens: Lens, camera: Camera) -> NDArray[np.float32]:
    column, row = np.rint(_source_pixels(lens, camera)).astype(np.int32).T
    return depth[row, column].reshape(camera.height, camera.width)


@lru_cache(maxsize=2)
def _source_pixels(lens: Lens, camera: Camera) -> NDArray[np.float32]:
    """(h * w, 2) uv in the lens's picture of each of the pinhole's pixels, moved to the border where outside."""
    uv = np.empty((camera.height * camera.width, 2), np.float32)
    x = (np.arange(camera.width) - camera.cx) / camera.fx
    y = (np.arange(camera.height) - camera.cy) / camera.fy
    rows = max(1, _STRIP // camera.width)
    for start in range(0, camera.height, rows):
        rays = np.stack(np.meshgrid(x, y[start : start + rows]), axis=-1).reshape(-1, 2)
        strip = np.clip(distort(lens, rays), 0, [lens.width - 1, lens.height - 1])
        uv[start * camera.width : start * camera.width + len(rays)] = strip
    if not np.isfinite(uv).all():
        raise BadScene(f"camera model {lens.model} with {lens.params} has no image for some pixels of {camera}")
    return uv


def _of_size(path: Path, pixels: NDArray[Pixel], lens: Lens) -> NDArray[Pixel]:
    height, width = pixels.shape[:2]
    if (width, height) != (lens.width, lens.height):
        raise BadScene(f"{path}: {width}x{height} pixels; its camera says {lens.width}x{lens.height}")
    return pixels
