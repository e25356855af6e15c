"""Depth readings, decoded once on the way in: (H, W) float32 metres with 0 for "no reading".

The colours of pictures are read in models/pictures.py, by whose limits the sizes of depth are held, too.
"""

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core.arrays import map_npy
from ...core.errors import BadInput, MissingPackage
from ...core.plugins import missing_package_sentence
from ...models.pictures import (  # fmt: skip
    IMAGE_SUFFIXES,
    MAX_PIXELS,
    check_size,
    decoding,
    is_turned,
    opened,
    read_bytes,
    read_image,
)

__all__ = [
    "DEPTH_SUFFIXES", "IMAGE_SUFFIXES", "MAX_PIXELS", "has_float_depth", "image_size", "is_turned", "read_depth",
    "read_image",
]  # fmt: skip

NO_READING = 65535  # with 0, what sensors write into 16 bits when they measured nothing
DEPTH_SUFFIXES = frozenset({".png", ".pgm", ".tif", ".tiff", ".npy", ".exr"})

_PGM = re.compile(rb"P5(?:\s+|#[^\n]*\n)+(\d+)(?:\s+|#[^\n]*\n)+(\d+)(?:\s+|#[^\n]*\n)+(\d+)\s")


def image_size(path: Path) -> tuple[int, int]:
    """(width, height) of a picture or depth picture, from its header."""
    if path.suffix.lower() == ".npy":
        height, width = _map_npy(path).shape
        return width, height
    if path.suffix.lower() == ".exr":
        return _exr_size(path)
    with opened(path) as picture:
        return picture.size


def read_depth(path: Path, scale: float) -> NDArray[np.float32]:
    """(H, W) metres, 0 where there is no reading: stored 0, 65535, negative and non-finite values.

    Reads png and pgm with 16 bits, tiff with 16 bits or floats, npy with any real numbers, exr with its channel "Z",
    "R", "Y" or only one. `scale` is stored units per metre.
    """
    suffix = path.suffix.lower()
    if suffix == ".npy":
        stored = np.array(_map_npy(path))
    elif suffix == ".exr":
        stored = _read_exr(path)
    elif suffix == ".pgm":
        stored = _read_pgm(path)
    else:
        stored = _read_16_bits(path)
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is no reading
        metres = stored.astype(np.float32) / np.float32(scale)
    if stored.dtype.kind == "f":
        metres[~(np.isfinite(metres) & (metres > 0))] = 0
    else:
        metres[(stored <= 0) | (stored == NO_READING)] = 0
    return metres


def has_float_depth(path: Path) -> bool:
    """Whether readings are stored as floats, by their type and not by the file's ending; an .exr has no others."""
    suffix = path.suffix.lower()
    if suffix == ".npy":
        return _map_npy(path).dtype.kind == "f"
    if suffix not in (".tif", ".tiff"):
        return suffix == ".exr"
    with opened(path) as picture:
        return picture.mode == "F"


def _read_16_bits(path: Path) -> NDArray[np.generic]:
    with opened(path) as picture:
        if picture.mode not in ("I", "F") and not picture.mode.startswith("I;16"):
            raise BadInput(
                f"{path}: pixels of mode {picture.mode!r}; depth must be one channel of 16 bits or floats (8-bit "
                "and coloured depth images cannot be converted back to metres)"
            )
        return np.asarray(picture)


def _read_pgm(path: Path) -> NDArray[np.uint16]:
    """A binary PGM; Pillow would stretch its values to 65535 whatever the file's own maximum is."""
    data = read_bytes(path)
    header = _PGM.match(data)
    if header is None:
        raise BadInput(f"{path}: not a binary PGM (a file that begins with P5, width, height, maximum)")
    width, height, maximum = (int(number) for number in header.groups())
    check_size(path, width, height)
    if not 256 <= maximum <= 65535:
        raise BadInput(f"{path}: values up to {maximum}; a depth image has two bytes per pixel (256 to 65535)")
    found, expected = len(data) - header.end(), width * height * 2
    if found < expected:
        raise BadInput(f"{path}: truncated: {width}x{height} readings are {expected} bytes, {found} were found")
    return np.frombuffer(data, ">u2", width * height, header.end()).reshape(height, width).astype(np.uint16)


def _map_npy(path: Path) -> NDArray[np.generic]:
    """(H, W) still on disk."""
    array = map_npy(path)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim != 2 or 0 in array.shape:
        raise BadInput(f"{path}: an array of shape {array.shape}; depth is (height, width)")
    check_size(path, array.shape[1], array.shape[0])
    return array


def _exr_size(path: Path) -> tuple[int, int]:
    with decoding(path):
        low, high = _openexr().File(str(path), header_only=True).header()["dataWindow"]
        return int(high[0] - low[0] + 1), int(high[1] - low[1] + 1)


def _read_exr(path: Path) -> NDArray[np.generic]:
    check_size(path, *_exr_size(path))
    with decoding(path):
        channels = _openexr().File(str(path), separate_channels=True).channels()
        for name in ("Z", "R", "Y", *(channels if len(channels) == 1 else ())):
            if name in channels:
                return channels[name].pixels
    raise BadInput(f"{path}: channels {', '.join(channels)}; depth is expected in 'Z', 'R', 'Y' or the only channel")


def _openexr():  # type: ignore[no-untyped-def]
    try:
        import OpenEXR
    except ModuleNotFoundError as error:
        raise MissingPackage(missing_package_sentence("depth in .exr", "OpenEXR")) from error
    return OpenEXR
