"""What every encoder asks of an image before it looks at it."""

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput


def checked_image(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same image, or a sentence: (H, W, 3) uint8 RGB with at least one pixel was expected."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise BadInput(f"An image of shape {image.shape} and type {image.dtype} is not (H, W, 3) uint8 RGB.")
    return image
