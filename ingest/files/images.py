"""Pictures and depth readings, decoded once on the way in.

From here on a picture is (H, W, 3) uint8 RGB and a depth picture (H, W) float32 metres with 0 for "no reading".
Sizes are read from the file's header and held against MAX_PIXELS before any memory is taken for pixels.
"""

import io
import re
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from ...store.errors import BadInput, MissingPackage
from ...store.plugins import missing_package_sentence
from .arrays import map_npy

try:
    import simplejpeg
except ModuleNotFoundError:  # Pillow reads the same pixels, more slowly
    simplejpeg = None

MAX_PIXELS = 80_000_000  # 240 MB as RGB; the largest cameras make 60 million
MAX_BYTES = 1 << 30
NO_READING = 65535  # with 0, what sensors write into 16 bits when they measured nothing

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".webp", ".tif", ".tiff"})
DEPTH_SUFFIXES = frozenset({".png", ".pgm", ".tif", ".tiff", ".npy", ".exr"})
FLOAT_DEPTH_SUFFIXES = frozenset({".npy", ".exr"})  # metres, unless a scale says otherwise

# Pillow would warn of some of the pictures that are refused here anyway.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

_PGM = re.compile(rb"P5(?:\s+|#[^\n]*\n)+(\d+)(?:\s+|#[^\n]*\n)+(\d+)(?:\s+|#[^\n]*\n)+(\d+)\s")
_DECODING_ERRORS = (
    OSError, ValueError, SyntaxError, EOFError, ArithmeticError, LookupError, RuntimeError, struct.error, zlib.error,
)  # fmt: skip


def read_image(path: Path) -> NDArray[np.uint8]:
    """(H, W, 3) the picture as RGB; grey is repeated, transparency laid over white, 16 bits cut to their upper 8.

    Pixels come as they are stored, because cameras are calibrated to those: an EXIF orientation is not applied.
    """
    data = _read_bytes(path)
    if data[:2] == b"\xff\xd8" and simplejpeg is not None:
        try:
            height, width, colorspace, _ = simplejpeg.decode_jpeg_header(data)
            _check_size(path, width, height)
            if colorspace in ("YCbCr", "Gray", "RGB"):
                return simplejpeg.decode_jpeg(data, colorspace="RGB")
        except ValueError:
            pass  # Pillow forgives what does no harm, and has the better words for what does
    with _decoding(path), Image.open(io.BytesIO(data)) as picture:
        _check_size(path, *picture.size)
        return _to_rgb(path, picture)


def image_size(path: Path) -> tuple[int, int]:
    """(width, height) of a picture or depth picture, from its header."""
    if path.suffix.lower() == ".npy":
        height, width = _map_npy(path).shape
        return width, height
    if path.suffix.lower() == ".exr":
        return _exr_size(path)
    with _decoding(path), Image.open(path) as picture:
        _check_size(path, *picture.size)
        return picture.size


def is_turned(path: Path) -> bool:
    """Whether the file's EXIF says that the picture is to be shown turned or mirrored."""
    if path.suffix.lower() not in (".jpg", ".jpeg", ".tif", ".tiff", ".webp"):
        return False
    with _decoding(path), Image.open(path) as picture:
        return picture.getexif().get(ExifTags.Base.Orientation, 1) != 1


def read_depth(path: Path, scale: float) -> NDArray[np.float32]:
    """(H, W) metres, 0 where there is no reading: stored 0, 65535, negative and non-finite values.

    Reads png, pgm and tiff with 16 bits, npy with any real numbers, exr with its channel "Z", "R", "Y" or only one.
    `scale` is stored units per metre.
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


def _to_rgb(path: Path, picture: Image.Image) -> NDArray[np.uint8]:
    mode = picture.mode
    if mode == "F":
        raise BadInput(f"{path}: floating-point pixels; a colour picture of 8 or 16 bits was expected")
    if mode == "I" or mode.startswith("I;16"):
        grey = np.clip(np.asarray(picture).astype(np.int32) >> 8, 0, 255).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if "A" in mode or "a" in mode or "transparency" in picture.info:
        overlay = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", overlay.size, "white"), overlay)
    return np.array(picture.convert("RGB"))


def _read_16_bits(path: Path) -> NDArray[np.generic]:
    with _decoding(path), Image.open(path) as picture:
        _check_size(path, *picture.size)
        if picture.mode not in ("I", "F") and not picture.mode.startswith("I;16"):
            raise BadInput(
                f"{path}: pixels of kind {picture.mode!r}; depth is one channel of 16 bits or floats "
                "(8-bit and coloured pictures of depth cannot be turned back into metres)"
            )
        return np.asarray(picture)


def _read_pgm(path: Path) -> NDArray[np.uint16]:
    """A binary PGM; Pillow would stretch its values to 65535 whatever the file's own maximum is."""
    data = _read_bytes(path)
    header = _PGM.match(data)
    if header is None:
        raise BadInput(f"{path}: not a binary PGM (a file that begins with P5, width, height, maximum)")
    width, height, maximum = (int(number) for number in header.groups())
    _check_size(path, width, height)
    if not 256 <= maximum <= 65535:
        raise BadInput(f"{path}: values up to {maximum}; a depth picture has two bytes a pixel (256 to 65535)")
    found, expected = len(data) - header.end(), width * height * 2
    if found < expected:
        raise BadInput(f"{path}: cut short: {width}x{height} readings are {expected} bytes, {found} were found")
    return np.frombuffer(data, ">u2", width * height, header.end()).reshape(height, width).astype(np.uint16)


def _map_npy(path: Path) -> NDArray[np.generic]:
    """(H, W) still on disk."""
    array = map_npy(path)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim != 2 or 0 in array.shape:
        raise BadInput(f"{path}: an array of shape {array.shape}; depth is (height, width)")
    _check_size(path, array.shape[1], array.shape[0])
    return array


def _exr_size(path: Path) -> tuple[int, int]:
    with _decoding(path):
        low, high = _openexr().File(str(path), header_only=True).header()["dataWindow"]
        return int(high[0] - low[0] + 1), int(high[1] - low[1] + 1)


def _read_exr(path: Path) -> NDArray[np.generic]:
    _check_size(path, *_exr_size(path))
    with _decoding(path):
        channels = _openexr().File(str(path), separate_channels=True).channels()
        for name in ("Z", "R", "Y", *(channels if len(channels) == 1 else ())):
            if name in channels:
                return channels[name].pixels
    raise BadInput(f"{path}: channels {', '.join(channels)}; depth is expected in 'Z', 'R', 'Y' or an only one")


def _openexr():  # type: ignore[no-untyped-def]
    try:
        import OpenEXR
    except ModuleNotFoundError as error:
        raise MissingPackage(missing_package_sentence("depth in .exr", "OpenEXR")) from error
    return OpenEXR


def _read_bytes(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise BadInput(f"{path}: {size:,} bytes; a picture has at most {MAX_BYTES:,}")
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror or error}") from error


def _check_size(path: Path, width: int, height: int) -> None:
    if width < 1 or height < 1:
        raise BadInput(f"{path}: a picture of {width}x{height} pixels")
    if width * height > MAX_PIXELS:
        raise BadInput(f"{path}: {width}x{height} pixels; at most {MAX_PIXELS:,} are read")


@contextmanager
def _decoding(path: Path) -> Iterator[None]:
    """The border to the decoders: whatever they raise becomes a sentence that names the file."""
    try:
        yield
    except FileNotFoundError as error:
        raise BadInput(f"{path}: no such file") from error
    except UnidentifiedImageError as error:  # its own words are an address in memory
        raise BadInput(f"{path}: cannot be read as a picture: it is of no known kind") from error
    except (*_DECODING_ERRORS, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        detail = str(error).replace(str(path), "the file").strip() or type(error).__name__
        raise BadInput(f"{path}: cannot be read as a picture: {detail}") from error
