"""Images, decoded once on the way in: those of scans, those that questions are asked with and those of segments.

From here on an image is (H, W, 3) uint8 RGB. Sizes are read from the file's header and held against MAX_PIXELS before
any memory is taken for pixels.
"""

import io
import re
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from ..core.errors import BadInput
from ..core.regular import require_file

try:
    import simplejpeg
except ModuleNotFoundError:  # Pillow reads the same pixels, more slowly
    simplejpeg = None

MAX_PIXELS = 80_000_000  # 240 MB as RGB; the largest cameras make 60 million
MAX_BYTES = 1 << 30
GIVEN_BYTES = 20_000_000  # of a picture that comes as bytes, from who knows whom
GIVEN_PIXELS = 50_000_000
IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".webp", ".tif", ".tiff"})

# Pillow would warn of some of the pictures that are refused here anyway.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

_GIVEN = Path("the image")  # one without a file, in sentences

_DECODING_ERRORS = (
    OSError, ValueError, SyntaxError, EOFError, ArithmeticError, LookupError, RuntimeError, struct.error, zlib.error,
)  # fmt: skip


def read_image(path: Path, upright: bool = False) -> NDArray[np.uint8]:
    """(H, W, 3) the picture as RGB; grey is repeated, transparency laid over white, 16 bits cut to their upper 8.

    Pixels come as they are stored, because cameras are calibrated to those; `upright` applies an EXIF orientation.
    """
    data = read_bytes(path)
    pixels = _pixels(path, data)
    return _turned(pixels, _orientation(path, data)) if upright else pixels


def given_image(given: bytes | NDArray[Any] | Image.Image) -> NDArray[np.uint8]:
    """(H, W, 3) RGB of a picture that somebody hands over, upright: a file's bytes, an array, or Pillow's picture.

    Bytes are a stranger's: JPEG, PNG or WebP, of no more than GIVEN_BYTES and GIVEN_PIXELS, which the header is asked
    for before anything is decoded. An array is (H, W), (H, W, 3) or (H, W, 4) of uint8, transparency laid over white.
    """
    if isinstance(given, bytes):
        return _of_bytes(given)
    if isinstance(given, np.ndarray):
        if given.dtype != np.uint8 or given.ndim not in (2, 3) or given.shape[2:] not in ((), (3,), (4,)):
            raise BadInput(
                f"{_GIVEN} is an array of {given.dtype} with the shape {given.shape}; (H, W, 3) of uint8, 0 to 255, "
                "was expected."
            )
        check_size(_GIVEN, given.shape[1], given.shape[0])
        given = Image.fromarray(given)
    with decoding(_GIVEN):
        check_size(_GIVEN, *given.size)
        return _turned(_to_rgb(_GIVEN, given), int(given.getexif().get(ExifTags.Base.Orientation, 1)))


def _of_bytes(data: bytes) -> NDArray[np.uint8]:
    if len(data) > GIVEN_BYTES:
        raise BadInput(f"{_GIVEN} has {len(data):,} bytes; at most {GIVEN_BYTES:,} are read.")
    if not data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")) and (data[:4], data[8:12]) != (b"RIFF", b"WEBP"):
        raise BadInput(f"{_GIVEN} is no JPEG, PNG or WebP; one of them was expected.")
    with decoding(_GIVEN), Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as picture:
        check_size(_GIVEN, *picture.size, most=GIVEN_PIXELS)
        return _turned(_to_rgb(_GIVEN, picture), int(picture.getexif().get(ExifTags.Base.Orientation, 1)))


def is_turned(path: Path) -> bool:
    """Whether the file's EXIF says that the picture is to be shown turned or mirrored."""
    return path.suffix.lower() in (".jpg", ".jpeg", ".tif", ".tiff", ".webp") and _orientation(path) != 1


@contextmanager
def opened(path: Path, data: bytes | None = None) -> Iterator[Image.Image]:
    """The file, or its bytes, as Pillow sees them; what goes wrong in the block is a sentence that names the file."""
    if data is None:
        require_file(path)
    with decoding(path), Image.open(path if data is None else io.BytesIO(data)) as picture:
        check_size(path, *picture.size)
        yield picture


def read_bytes(path: Path) -> bytes:
    """The whole file; BadInput for one that is too large to be a picture."""
    try:
        size = require_file(path)
        if size > MAX_BYTES:
            raise BadInput(f"{path}: {size:,} bytes; an image may have at most {MAX_BYTES:,}")
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror or error}") from error


def check_size(path: Path, width: int, height: int, most: int = MAX_PIXELS) -> None:
    """BadInput for a picture without pixels, or with more than are read."""
    if width < 1 or height < 1:
        raise BadInput(f"{path}: an image of {width}x{height} pixels")
    if width * height > most:
        raise BadInput(f"{path}: {width}x{height} pixels; an image may have at most {most:,}")


@contextmanager
def decoding(path: Path) -> Iterator[None]:
    """The border to the decoders: whatever they raise becomes a sentence that names the file."""
    try:
        yield
    except FileNotFoundError as error:
        raise BadInput(f"{path}: no such file") from error
    except UnidentifiedImageError as error:  # its own words are an address in memory
        raise BadInput(f"{path}: cannot be read as an image: its format is unknown") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        claimed = re.search(r"\d+", str(error))
        count = f"{int(claimed[0]):,}" if claimed else "too many"
        raise BadInput(f"{path}: {count} pixels; an image may have at most {MAX_PIXELS:,}") from error
    except _DECODING_ERRORS as error:
        detail = str(error).replace(str(path), "the file").strip() or type(error).__name__
        raise BadInput(f"{path}: cannot be read as an image: {detail}") from error


def _pixels(path: Path, data: bytes) -> NDArray[np.uint8]:
    if data[:2] == b"\xff\xd8" and simplejpeg is not None:
        try:
            height, width, colorspace, _ = simplejpeg.decode_jpeg_header(data)
            check_size(path, width, height)
            if colorspace in ("YCbCr", "Gray", "RGB"):
                return simplejpeg.decode_jpeg(data, colorspace="RGB")
        except ValueError:
            pass  # Pillow forgives what does no harm, and has the better words for what does
    with opened(path, data) as picture:
        return _to_rgb(path, picture)


def _to_rgb(path: Path, picture: Image.Image) -> NDArray[np.uint8]:
    mode = picture.mode
    if mode == "F":
        raise BadInput(f"{path}: floating-point pixels; a colour image of 8 or 16 bits was expected")
    if mode == "I" or mode.startswith("I;16"):
        grey = np.clip(np.asarray(picture).astype(np.int32) >> 8, 0, 255).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if "A" in mode or "a" in mode or "transparency" in picture.info:
        overlay = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", overlay.size, "white"), overlay)
    return np.array(picture.convert("RGB"))


def _orientation(path: Path, data: bytes | None = None) -> int:
    """EXIF's number of how the picture is to be shown; 1 is as it is stored."""
    with opened(path, data) as picture:
        return int(picture.getexif().get(ExifTags.Base.Orientation, 1))


def _turned(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    if orientation in (5, 6, 7, 8):
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
