"""Images at another size, pixel for pixel as OpenCV resizes them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.scene import Camera


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
