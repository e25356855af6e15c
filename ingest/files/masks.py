"""Masks of images, one picture each: 0 (black) where its pixels are not to be used, as nerfstudio and COLMAP do."""

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadScene
from ...core.scene import Frame
from .images import read_image


def read_mask(frame: Frame) -> NDArray[np.bool_]:
    """(H, W) whether a pixel of the frame's image is to be used."""
    assert frame.mask_path is not None
    shown = np.asarray(read_image(frame.mask_path).any(axis=2))
    if shown.shape != (frame.camera.height, frame.camera.width):
        raise BadScene(
            f"{frame.mask_path}: a mask of {shown.shape[1]}x{shown.shape[0]} pixels for an image of "
            f"{frame.camera.width}x{frame.camera.height}"
        )
    return shown


def masks_finding(frames: tuple[Frame, ...]) -> list[str]:
    """How many frames have one; nothing where none has."""
    masked = sum(frame.mask_path is not None for frame in frames)
    if not masked:
        return []
    return [f"masks: of {masked} of {len(frames)} frames; pixels that are 0 in them give no features and no points"]
