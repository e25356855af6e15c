"""What is cut out of an image for an object: its box, and the same box grown level by level."""

import numpy as np
from numpy.typing import NDArray

from .options import CropOptions

BoxXyxy = tuple[int, int, int, int]  # pixels, the right and lower edge exclusive
_WHITE = 255


def crop_boxes(
    box_xyxy: tuple[float, float, float, float], width: int, height: int, options: CropOptions
) -> list[BoxXyxy]:
    """The boxes of all levels around pixels `box_xyxy` (inclusive), cut off at the image of `width` x `height`.

    A level adds the whole pixels of `growth` x the box's own width and height on each side, as OpenMask3D does.
    """
    x0, y0, x1, y1 = (round(value) for value in box_xyxy)
    x1, y1 = x1 + 1, y1 + 1
    across, down = int((x1 - x0) * options.growth), int((y1 - y0) * options.growth)
    return [
        (
            max(0, x0 - across * level),
            max(0, y0 - down * level),
            min(width, x1 + across * level),
            min(height, y1 + down * level),
        )
        for level in range(options.levels)
    ]


def cut(image: NDArray[np.uint8], box: BoxXyxy, options: CropOptions) -> NDArray[np.uint8]:
    """A copy of the pixels inside the box; with white padding in the middle of a square."""
    x0, y0, x1, y1 = box
    crop = image[y0:y1, x0:x1]
    if options.padding == "none":
        return crop.copy()
    height, width = crop.shape[:2]
    side = max(height, width)
    square = np.full((side, side, 3), _WHITE, np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = crop
    return square
