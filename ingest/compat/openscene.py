"""What OpenScene's published numbers rest on: sizes, thresholds, intrinsics, resizing (openscene.md 1.1 and 2.2).

`visibility.OPENSCENE` and `fuse.OPENSCENE` are its rules; a dataset's constants below complete them:

    constants = CONSTANTS["scannet"]
    frame = constants.frame(frame)                  # the camera of the pictures it worked on
    options = replace(visibility.OPENSCENE, depth_tolerance=constants.depth_tolerance, border=constants.border)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.scene import Camera, Frame


@dataclass(frozen=True)
class Constants:
    """One dataset as OpenScene's scripts treat it."""

    width: int  # of colour and depth images alike, in pixels
    height: int
    depth_scale: float | None  # stored units per metre; None: no depth images, points hide nothing
    depth_tolerance: float  # share of the reading
    border: int  # pixels
    camera: Camera | None = None  # fixed at the size above, whatever the files say; None: the frame's own, adjusted
    options: Mapping[str, Any] = field(default_factory=dict)  # of its importer, where our defaults read otherwise
    bilinear: bool = False  # how pictures are brought to the size above; False: the nearest pixel

    def frame(self, frame: Frame) -> Frame:
        """`frame` with the camera of its picture resized to (width, height) by OpenScene's rule."""
        return replace(frame, camera=self.camera or adjusted(frame.camera, self.width, self.height))


CONSTANTS = {
    "scannet": Constants(320, 240, 1000.0, 0.25, 10, Camera(320, 240, 288.9353025, 288.9353025, 159.5, 119.5)),
    "matterport": Constants(640, 512, 4000.0, 0.02, 10, options={"y_origin": "top"}),
    "replica": Constants(
        640, 360, 6553.5, 0.25, 10, Camera(640, 360, 317.5, 317.6470588235294, 319.5, 179.5), bilinear=True
    ),
    "nuscenes": Constants(800, 450, None, 0.25, 5, bilinear=True),
    "custom": Constants(1920, 1280, 1000.0, 0.25, 10),
}


def adjusted(camera: Camera, width: int, height: int) -> Camera:
    """OpenScene's resizing of intrinsics: as if cropped to keep the aspect, and corners instead of centres scaled.

    It differs from `Camera.resized` by up to half a pixel, and in fx where the picture was stretched (Replica).
    """
    if (width, height) == (camera.width, camera.height):
        return camera
    kept_width = height * camera.width // camera.height
    return Camera(
        width,
        height,
        camera.fx * (kept_width / camera.width),
        camera.fy * (height / camera.height),
        camera.cx * ((width - 1) / (camera.width - 1)),
        camera.cy * ((height - 1) / (camera.height - 1)),
    )


def resize_nearest(image: NDArray[Any], camera: Camera) -> NDArray[Any]:
    """`image` (h, w, ...) at the camera's size as OpenCV's nearest does it: pixel i comes from floor(i * in / out)."""
    height, width = image.shape[:2]
    rows = np.minimum(np.arange(camera.height) * height // camera.height, height - 1)
    columns = np.minimum(np.arange(camera.width) * width // camera.width, width - 1)
    return image[rows[:, None], columns]


def resize_bilinear(image: NDArray[Any], camera: Camera) -> NDArray[Any]:
    """`image` (h, w, ...) of integers at the camera's size as OpenCV's bilinear does it: by centres, never blurred.

    Depth is mixed across edges this way, as it is in OpenScene's Replica.
    """
    rows, below, down = _between(image.shape[0], camera.height)
    columns, right, across = _between(image.shape[1], camera.width)
    trailing = (1,) * (image.ndim - 2)
    down, across = down.reshape(-1, 1, *trailing), across.reshape(1, -1, *trailing)
    upper = image[rows[:, None], columns] * (1 - across) + image[rows[:, None], right] * across
    lower = image[below[:, None], columns] * (1 - across) + image[below[:, None], right] * across
    return np.rint(upper * (1 - down) + lower * down).astype(image.dtype)


def _between(size: int, wanted: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """For each of `wanted` pixels the two of `size` that it lies between, and how far it is towards the second."""
    place = np.clip((np.arange(wanted) + 0.5) * size / wanted - 0.5, 0, size - 1)
    first = np.floor(place).astype(np.int64)
    return first, np.minimum(first + 1, size - 1), place - first
