"""Maps as other tools leave them on disk, and how they are read; what they hold is what color_words sees."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from ovstore.core.features import FeatureMap
from ovstore.models.encoders import color_words, precomputed

DIM = 13  # of color_words
_PICTURE = np.random.default_rng(0).integers(0, 256, (5, 4, 3), dtype=np.uint8)
COLOURS = color_words.load_image_encoder(color_words.Options(patch=1))([_PICTURE])[0].values  # (5, 4, 13)


def options(files: Path, **more: object) -> precomputed.Options:
    """Options for the maps in `files`, compared with the words of color_words unless `more` says otherwise."""
    return precomputed.Options(files=str(files), **{"text": "color_words", **more})  # type: ignore[arg-type]


def one_map(files: Path, frame: str = "7", scene: str = "room", **more: object) -> FeatureMap:
    """A frame's map."""
    return precomputed.load_frame_maps(options(files, **more), scene).of_frames({frame: frame})[frame]()


def read(files: Path, frame: str = "7", scene: str = "room", **more: object) -> NDArray[np.float16]:
    """(h, w, dim) of a frame's map."""
    return one_map(files, frame, scene, **more).values


def chw(values: NDArray[np.float16]) -> NDArray[np.float16]:
    """(h, w, C) in the order (C, h, w)."""
    return np.ascontiguousarray(values.transpose(2, 0, 1))


def words(*names: str) -> NDArray[np.float32]:
    """(n, 13) the vectors of colours."""
    return color_words.load_text_encoder(color_words.Options())(names)
