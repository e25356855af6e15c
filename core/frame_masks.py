"""The 2D masks of one frame, as a segmenter of things left them: no classes, any size, overlaps allowed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .errors import BadInput

_SHAPE_TOLERANCE = 0.02  # by which width / height may differ from the image's; sizes are rounded


@dataclass(frozen=True)
class FrameMasks:
    """Masks 1..count of one frame, in layers of id images: each mask lies in one layer, none overlap within a layer.

    Masks without overlaps are one layer. Their size may be another than that of the frame's image.
    """

    layers: NDArray[np.int32]  # (L, h, w) 0: no mask
    count: int
    source: str = "masks"  # their file, for people

    def __post_init__(self) -> None:
        if self.layers.ndim != 3 or 0 in self.layers.shape[1:]:
            raise BadInput(f"{self.source}: masks of shape {self.layers.shape}; (layers, height, width) was expected.")

    def at(self, uv: NDArray[np.floating], width: int, height: int) -> NDArray[np.int32]:
        """(L, K) the mask of each layer at pixels (K, 2) of an image of that size, 0 for none; the nearest cell.

        BadInput where the image has another shape, as when masks are turned or cut.
        """
        _, rows, columns = self.layers.shape
        if self.count and abs(columns * height / (rows * width) - 1) > _SHAPE_TOLERANCE:
            raise BadInput(
                f"{self.source}: masks of {columns}x{rows} pixels for an image of {width}x{height}; masks of the whole "
                "image were expected, at any scale."
            )
        column = np.clip(((uv[:, 0] + 0.5) * (columns / width)).astype(np.int64), 0, columns - 1)
        row = np.clip(((uv[:, 1] + 0.5) * (rows / height)).astype(np.int64), 0, rows - 1)
        found: NDArray[np.int32] = self.layers[:, row, column]
        return found
