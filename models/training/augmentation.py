"""What is done to a scene so that a student never sees it twice alike: each a function of arrays and a generator.

The recipes are those of Choy et al. 2019 (4D Spatio-Temporal ConvNets), which OpenScene took over. Colours are floats
on the range of bytes, 0 .. 255. Zero strength is the identity.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates, uniform_filter1d

from ...core.errors import BadInput

MAX_KNOTS = 50_000_000  # of a grid of bends: 600 MB


def bend(
    xyz: NDArray[np.float64], granularity: float, magnitude: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Points moved by smooth noise (elastic distortion): knots `granularity` metres apart, N(0, 1) times `magnitude`.

    Two passes of a box of three along each axis leave a deviation of 0.11 `magnitude` inside of the grid.
    """
    low = xyz.min(axis=0)
    extent = xyz.max(axis=0) - low
    shape = np.floor(extent / granularity) + 3  # a knot before the least point, one after the largest
    if shape.prod() > MAX_KNOTS:
        raise BadInput(
            f"Elastic distortion with a granularity of {granularity} m over "
            f"{' x '.join(f'{each:.0f}' for each in extent)} m needs too many nodes; remove points that lie far "
            "off, or set elastic_probability = 0."
        )
    knots = rng.standard_normal((3, *shape.astype(int)), np.float32)
    for _ in range(2):
        for axis in (1, 2, 3):
            uniform_filter1d(knots, 3, axis=axis, output=knots, mode="constant")
    places = ((xyz - low) / granularity + 1).T
    noise = np.stack([map_coordinates(each, places, order=1) for each in knots], axis=1)
    return xyz + magnitude * noise


def flip(cells: NDArray[np.int32], probability: float, rng: np.random.Generator) -> NDArray[np.int32]:
    """With that probability x and y are each mirrored within their range, or not, by a coin."""
    chosen, *coins = rng.random(3)
    mirrored = np.array([*(coin < 0.5 for coin in coins), False]) & (chosen < probability)
    return np.where(mirrored, cells.max(axis=0) - cells, cells)


def stretch_contrast(rgb: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Each channel stretched to 0 .. 255, by a random share of the way; a channel of one value stays."""
    low, high = rgb.min(axis=0), rgb.max(axis=0)
    flat = high == low
    stretched = np.where(flat, rgb, (rgb - low) * (255 / np.where(flat, np.float32(1), high - low)))
    return rgb + np.float32(rng.random()) * (stretched - rgb)


def translate_colors(rgb: NDArray[np.float32], most: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """All colours moved as one, each channel by up to `most` of the range."""
    return (rgb + 255 * rng.uniform(-most, most, 3).astype(np.float32)).clip(0, 255)


def jitter_colors(rgb: NDArray[np.float32], deviation: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Every channel of every row by itself."""
    return (rgb + 255 * np.float32(deviation) * rng.standard_normal(rgb.shape, np.float32)).clip(0, 255)


def turn_hues(
    rgb: NDArray[np.float32], most_hue: float, most_saturation: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Hues turned by up to `most_hue` of the circle, saturations multiplied by 1 +- up to `most_saturation`."""
    turn, factor = rng.uniform(-most_hue, most_hue), 1 + rng.uniform(-most_saturation, most_saturation)
    value, hue, chroma = _hue_and_chroma(rgb)
    chroma = np.minimum(np.float32(factor) * chroma, value)
    sixths = np.array([5, 3, 1], np.float32)  # red, green and blue follow one course, so far apart
    place = (sixths + np.float32(6 * turn) + hue[:, None]) % 6
    share = np.minimum(place, 4 - place).clip(0, 1)
    return value[:, None] - chroma[:, None] * share


def _hue_and_chroma(rgb: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
    """(value, hue in sixths of the circle, chroma) of each row; grey has hue 0."""
    value, chroma = rgb.max(axis=1), np.ptp(rgb, axis=1)
    largest = rgb.argmax(axis=1)
    rows = np.arange(len(rgb))
    difference = rgb[rows, (largest + 1) % 3] - rgb[rows, (largest + 2) % 3]
    hue = 2 * largest + difference / np.where(chroma > 0, chroma, 1)
    return value, hue.astype(np.float32), chroma
