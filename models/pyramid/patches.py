"""The hierarchy of patches of 3D-OVS (Liu et al., NeurIPS 2023): overlapping boxes at three sizes, a vector each.

A picture is shrunk; with m its shorter side, the patches of the three scales are p = m // 5, m // 7 and m // 10 pixels
wide, p // 4 apart, in rows from the top left. A last box along each axis covers what is left over. Every box is
enlarged by random whole numbers of pixels, up to p // 4 on each side, and clipped to the picture.

The vectors are kept with their boxes: half a percent of the dense maps that models/pyramid/maps.py makes of them.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...core.errors import BadInput

PATCHES_ALONG = (5, 7, 10)  # of the shorter side, coarsest scale first
EIGHTH = 8  # the original's factor
LARGEST_SIDE = np.iinfo(np.int16).max


@dataclass(frozen=True)
class PatchPyramid:
    """The patches of one picture, each with the vector that CLIP gives its crop."""

    height: int  # of the shrunk picture
    width: int
    boxes_xyxy: NDArray[np.int16]  # (K, 4) pixels of the shrunk picture, the right and lower edge exclusive
    scale: NDArray[np.uint8]  # (K,) ascending, 0 the largest patches
    embeddings: NDArray[np.float16]  # (K, C) not of unit length

    def __post_init__(self) -> None:
        rows = len(self.boxes_xyxy)
        if self.boxes_xyxy.shape != (rows, 4) or self.scale.shape != (rows,) or self.embeddings.shape[:-1] != (rows,):
            raise BadInput(
                f"Boxes {self.boxes_xyxy.shape}, scales {self.scale.shape} and embeddings {self.embeddings.shape} "
                f"are not (K, 4), (K,) and (K, C)."
            )
        left, top, right, bottom = self.boxes_xyxy.T
        if not ((left >= 0) & (top >= 0) & (left < right) & (top < bottom)).all() or (
            rows and (right.max() > self.width or bottom.max() > self.height)
        ):
            raise BadInput(f"A patch lies outside the {self.width}x{self.height} pixels of its image, or is empty.")
        for scale in range(len(PATCHES_ALONG)):
            if (self.coverage(scale) == 0).any():
                raise BadInput(f"The patches of scale {scale} leave pixels of their image uncovered.")

    def coverage(self, scale: int) -> NDArray[np.int64]:
        """(height, width): how many patches of a scale a pixel lies in."""
        steps = np.zeros((self.height + 1, self.width + 1), np.int64)
        left, top, right, bottom = self.boxes_xyxy[self.scale == scale].T
        for y, x, step in ((top, left, 1), (bottom, right, 1), (top, right, -1), (bottom, left, -1)):
            np.add.at(steps, (y, x), step)
        return steps.cumsum(axis=0).cumsum(axis=1)[:-1, :-1]


def shrunk(image: NDArray[np.uint8], long_side: int) -> NDArray[np.uint8]:
    """The picture with its longer side at most `long_side`, or at an eighth, cut off, where that is 0."""
    height, width = image.shape[:2]
    if long_side == 0:
        size = (max(1, width // EIGHTH), max(1, height // EIGHTH))
    else:
        factor = min(1.0, long_side / max(height, width))
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return image if size == (width, height) else np.asarray(Image.fromarray(image).resize(size))  # bicubic


def patches_of(picture: NDArray[np.uint8], jitter: float) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
    """Boxes (K, 4) and scales (K,) of a shrunk picture; a box grows by up to `jitter` of its side on each side.

    The growth is drawn from a generator that the picture's pixels seed: the same picture has the same boxes.
    """
    height, width = picture.shape[:2]
    digest = hashlib.sha256(f"{height} {width}".encode() + picture.tobytes()).digest()
    generator = np.random.default_rng(int.from_bytes(digest[:16], "big"))
    boxes = []
    for along in PATCHES_ALONG:
        patch = max(1, min(height, width) // along)
        top, left = np.meshgrid(_starts(height, patch), _starts(width, patch), indexing="ij")
        corner = np.stack([left.ravel(), top.ravel()], axis=1)
        grown = generator.integers(0, int(patch * jitter), (len(corner), 4), endpoint=True)  # left, top, right, bottom
        found = np.concatenate([corner - grown[:, :2], corner + patch + grown[:, 2:]], axis=1)
        boxes.append(found.clip(0, [width, height, width, height]).astype(np.int16))
    return np.concatenate(boxes), np.repeat(np.arange(len(boxes), dtype=np.uint8), [len(part) for part in boxes])


def _starts(length: int, patch: int) -> NDArray[np.int64]:
    stride = max(1, patch // 4)
    return np.arange(-(-(length - patch) // stride) + 1) * stride
