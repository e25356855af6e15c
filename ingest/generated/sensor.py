"""What a hand-held depth camera makes of a perfect picture: noise, holes, and a lens."""

import io
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixel = TypeVar("Pixel", bound=np.generic)


@dataclass(frozen=True)
class Sensor:
    """How good the camera is."""

    max_range: float = 6.0  # metres; readings beyond are missing
    min_range: float = 0.35  # metres
    noise: float = 1.0  # multiplies the depth noise of a structured-light camera; 0 is perfect
    grazing: float = 0.12  # cosine of ray and surface below which nothing comes back
    jpeg_quality: int = 90


def measure(
    depth: NDArray[np.float32],
    cosine: NDArray[np.float32],
    rgb: NDArray[np.uint8],
    sensor: Sensor,
    rng: np.random.Generator,
) -> NDArray[np.uint16]:
    """(H, W) millimetres, 0 for no reading, of true metres along z.

    The noise grows with the square of the distance (Khoshelham and Elberink 2012). Readings are lost out of range, on
    surfaces seen at a grazing angle, along the edges of things, and here and there on dark surfaces.
    """
    sigma = sensor.noise * (0.0008 + 0.0016 * np.maximum(depth - 0.3, 0) ** 2)
    reading = depth + sigma * rng.standard_normal(depth.shape)
    brightness = rgb.mean(axis=2) / 255
    chance = rng.random(depth.shape)
    lost = (depth < sensor.min_range) | (depth > sensor.max_range)
    if sensor.noise > 0:
        lost |= cosine < sensor.grazing * (1 + 0.5 * chance)
        lost |= _edges(depth) & (chance < 0.6)
        lost |= (brightness < 0.16) & (chance < 0.10 + 0.08 * depth)
    return np.where(lost, 0, np.rint(reading * 1000)).astype(np.uint16)


def _edges(depth: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Pixels beside a jump in depth of more than 5 %."""
    edge = np.zeros(depth.shape, bool)
    for axis in (0, 1):
        jump = np.abs(np.diff(depth, axis=axis)) > 0.05 * np.minimum(*_neighbours(depth, axis))
        first, second = _neighbours(edge, axis)
        first |= jump
        second |= jump
    return edge


def _neighbours(image: NDArray[Pixel], axis: int) -> tuple[NDArray[Pixel], NDArray[Pixel]]:
    """Views of all pixels but the last, and all but the first, along an axis."""
    return (image[:-1], image[1:]) if axis == 0 else (image[:, :-1], image[:, 1:])


def photograph(rgb: NDArray[np.uint8], sensor: Sensor, rng: np.random.Generator) -> bytes:
    """The jpeg of a picture: a little exposure drift, darker corners, pixel noise."""
    height, width = rgb.shape[:2]
    y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    corner = 1 - 0.10 * sensor.noise * (x**2 + y**2) / 2
    exposure = 1 + 0.03 * sensor.noise * (2 * rng.random() - 1)
    spoiled = rgb * (exposure * corner)[..., None].astype(np.float32)
    spoiled += np.float32(2.0 * sensor.noise) * rng.standard_normal(rgb.shape, dtype=np.float32)
    return encode_jpeg(np.clip(np.rint(spoiled), 0, 255).astype(np.uint8), sensor.jpeg_quality)


def encode_jpeg(rgb: NDArray[np.uint8], quality: int) -> bytes:
    """A whole .jpg file."""
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, format="JPEG", quality=quality)
    return buffer.getvalue()
