"""Colour names as vectors: no weights, every number can be worked out by hand.

Thirteen axes: the eleven basic colour words of English (Berlin and Kay, 1969) and `light`, `dark`. With r, g, b in
0..1 and max, min over the three, a pixel has value = max, chroma = max - min, lightness = (max + min) / 2 and the
usual hexagonal hue. All memberships are straight lines, `ramp(x, a, b)` being 0 at a and 1 at b:

    coloured   = ramp(chroma, 0.10, 0.30); the rest, 1 - coloured, is shared by black, grey and white
    grey axis    black, grey, white stand at value 0.15, 0.50, 0.95; a value between two is shared between them
    hue circle   red 0, orange 30, yellow 55, green 120, blue 225, purple 275, pink 325 degrees, shared likewise
    brown        takes ramp(value, 0.80, 0.55) of orange's share: brown is dark orange
    pink         takes ramp(chroma / max, 0.70, 0.40) * ramp(value, 0.60, 0.80) of red's share: pink is light red
    light, dark  half of ramp(lightness, 0.60, 0.85) and of ramp(lightness, 0.40, 0.15), of all but black and white

and the result is made unit length. (255, 0, 0) is exactly `red`; (100, 0, 0) is red 1, dark 0.41 before scaling.
A map cell is the mean of its pixels' vectors, unit length again; a text is the sum of the words it knows, `light` and
`dark` counting half beside a colour.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput, UnknownWords
from ...core.features import EmbeddingSpace, FeatureMap
from ...core.vectors import unit_rows
from ...core.wording import near_names
from ._images import checked_image

COLORS = ("black", "grey", "white", "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown")
WORDS = (*COLORS, "light", "dark")
SYNONYMS = {"gray": "grey", "violet": "purple", "pale": "light", "bright": "light"}

_AXIS = {word: axis for axis, word in enumerate(WORDS)}
_GREYS = (("black", 0.15), ("grey", 0.50), ("white", 0.95))
_HUES = (("red", 0), ("orange", 30), ("yellow", 55), ("green", 120), ("blue", 225), ("purple", 275), ("pink", 325))
_SHADE = 0.5  # weight of light and dark beside a colour


@dataclass(frozen=True)
class Options:
    """What decides the numbers."""

    patch: int = field(default=4, metadata={"help": "pixels along one cell of the map; 1 keeps every pixel"})

    def __post_init__(self) -> None:
        if self.patch < 1:
            raise BadInput(f"patch is {self.patch}; at least 1 pixel was expected.")


def space(options: Options) -> EmbeddingSpace:
    """The same for every option: cells of any size are compared in the same words."""
    return EmbeddingSpace("color_words", len(WORDS), "", logit_scale=20.0)


def load_image_encoder(
    options: Options, device: str = "auto"
) -> Callable[[Sequence[NDArray[np.uint8]]], list[FeatureMap]]:
    """Images (H, W, 3) uint8 to maps of about (H / patch, W / patch) cells."""
    embedding_space = space(options)

    def encode(images: Sequence[NDArray[np.uint8]]) -> list[FeatureMap]:
        return [
            FeatureMap(
                embedding_space,
                unit_rows(_cell_means(color_vectors(checked_image(image)), options.patch)).astype(np.float16),
                sampling="nearest",  # colours end at edges; a blend of two sides would be a third colour
            )
            for image in images
        ]

    return encode


def load_text_encoder(options: Options, device: str = "auto") -> Callable[[Sequence[str]], NDArray[np.float32]]:
    """Texts to (n, 13) unit rows; UnknownWords for a text without a colour word."""

    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        rows = np.zeros((len(texts), len(WORDS)), np.float32)
        for row, text in zip(rows, texts, strict=True):
            words = [SYNONYMS.get(word, word) for word in re.findall(r"[a-z]+", text.lower())]
            known = [word for word in words if word in _AXIS]
            if not known:
                said = f"{text!r} is not a colour name; color_words knows only {', '.join(WORDS)}."
                raise UnknownWords(said, near=near_names(words[-1] if words else "", WORDS))
            for word in known:
                row[_AXIS[word]] = 1.0 if word in COLORS else _SHADE
        return unit_rows(rows)

    return encode


def vocabulary(options: Options) -> tuple[str, ...]:
    """Colours, light and dark, and other words for them."""
    return (*WORDS, *SYNONYMS)


def background_texts(options: Options) -> tuple[str, ...]:
    """Every colour: an answer is weighed against the others."""
    return COLORS


def color_vectors(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(..., 3) colours to (..., 13) unit vectors, as the module's docstring says."""
    scaled = rgb.astype(np.float32) / np.float32(255)
    red, green, blue = scaled[..., 0], scaled[..., 1], scaled[..., 2]
    high, low = scaled.max(axis=-1), scaled.min(axis=-1)
    chroma, lightness = high - low, (high + low) / 2

    shares = np.zeros((*rgb.shape[:-1], len(WORDS)), np.float32)
    coloured = _ramp(chroma, 0.10, 0.30)
    _share_along(shares, high, _GREYS, 1 - coloured)
    _share_along(shares, _hue(red, green, blue, high, chroma), (*_HUES, ("red", 360)), coloured)

    _move(shares, "orange", "brown", _ramp(high, 0.80, 0.55))
    saturation = chroma / np.maximum(high, 1e-6)
    _move(shares, "red", "pink", _ramp(saturation, 0.70, 0.40) * _ramp(high, 0.60, 0.80))

    shaded = _SHADE * (1 - shares[..., _AXIS["black"]] - shares[..., _AXIS["white"]])
    shares[..., _AXIS["light"]] = shaded * _ramp(lightness, 0.60, 0.85)
    shares[..., _AXIS["dark"]] = shaded * _ramp(lightness, 0.40, 0.15)
    return unit_rows(shares)


def _ramp(x: NDArray[np.float32], start: float, end: float) -> NDArray[np.float32]:
    """0 at start, 1 at end, straight between them, flat outside; start may be the larger."""
    return np.clip((x - np.float32(start)) / np.float32(end - start), 0, 1)


def _share_along(
    shares: NDArray[np.float32],
    x: NDArray[np.float32],
    anchors: Sequence[tuple[str, float]],
    amount: NDArray[np.float32],
) -> None:
    """Add `amount` to the two words whose anchors enclose x, the nearer getting more."""
    places = [place for _, place in anchors]
    for i, (word, place) in enumerate(anchors):
        weight = np.ones_like(x)
        if i > 0:
            weight *= _ramp(x, places[i - 1], place)
        if i + 1 < len(anchors):
            weight *= _ramp(x, places[i + 1], place)
        shares[..., _AXIS[word]] += amount * weight


def _move(shares: NDArray[np.float32], giver: str, taker: str, share: NDArray[np.float32]) -> None:
    moved = shares[..., _AXIS[giver]] * share
    shares[..., _AXIS[giver]] -= moved
    shares[..., _AXIS[taker]] += moved


def _hue(
    red: NDArray[np.float32],
    green: NDArray[np.float32],
    blue: NDArray[np.float32],
    high: NDArray[np.float32],
    chroma: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Hexagonal hue in degrees, 0 where there is no colour."""
    safe = np.maximum(chroma, 1e-6)
    sixth = np.where(
        high == red,
        ((green - blue) / safe) % 6,
        np.where(high == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    return (60 * np.where(chroma > 0, sixth, 0)).astype(np.float32)


def _cell_means(values: NDArray[np.float32], patch: int) -> NDArray[np.float32]:
    """(H, W, C) to the means over a grid of about `patch` pixels a cell, the last cells no smaller than the others."""
    for axis in (0, 1):
        pixels = values.shape[axis]
        cells = max(1, pixels // patch)
        edges = np.arange(cells + 1) * pixels // cells
        sums = np.add.reduceat(values, edges[:-1], axis=axis)
        shape = [1, 1, 1]
        shape[axis] = cells
        values = sums / np.diff(edges).astype(np.float32).reshape(shape)
    return values
