"""How light a pixel is, asked with the words dark, dim, light and bright.

The smallest encoder that does something: no weights, one axis per word, every number can be checked by hand. The
docstring of `ovstore.models.encoders` is the contract that it fulfils.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from ovstore.core.errors import BadInput, UnknownWords
from ovstore.core.features import EmbeddingSpace, FeatureMap

WORDS = ("dark", "dim", "light", "bright")
LIGHTNESS = np.array([0.0, 1 / 3, 2 / 3, 1.0], np.float32)  # of each word; pixels between two words belong to both


@dataclass(frozen=True)
class Options:
    """What decides the numbers; ovstore keeps it in the recipe of the features."""

    cell: int = field(default=4, metadata={"help": "pixels along one side of a cell of the map"})

    def __post_init__(self) -> None:
        if self.cell < 1:
            raise BadInput(f"cell is {self.cell}; a cell has at least 1 pixel.")


def space(options: Options) -> EmbeddingSpace:
    """Cells of any size are compared in the same words."""
    return EmbeddingSpace("shades", len(WORDS), digest="", logit_scale=20.0)


def load_image_encoder(
    options: Options, device: str = "auto"
) -> Callable[[Sequence[NDArray[np.uint8]]], list[FeatureMap]]:
    """Images (H, W, 3) uint8 to maps of ceil(H / cell) x ceil(W / cell) vectors, one per cell's first pixel."""

    def encode(images: Sequence[NDArray[np.uint8]]) -> list[FeatureMap]:
        maps = []
        for image in images:
            lightness = image[:: options.cell, :: options.cell].mean(axis=2, dtype=np.float32) / 255
            vectors = np.maximum(0, 1 - 3 * np.abs(lightness[..., None] - LIGHTNESS))
            maps.append(FeatureMap(space(options), _unit(vectors).astype(np.float16), sampling="nearest"))
        return maps

    return encode


def load_text_encoder(options: Options, device: str = "auto") -> Callable[[Sequence[str]], NDArray[np.float32]]:
    """Texts to (n, 4) unit rows: the sum of the words that a text contains."""

    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        rows = np.array([[float(word in re.findall(r"[a-z]+", text.lower())) for word in WORDS] for text in texts])
        for text, row in zip(texts, rows, strict=True):
            if not row.any():
                raise UnknownWords(f"{text!r} names no shade; shades knows {', '.join(WORDS)} and nothing else.")
        return _unit(rows.astype(np.float32))

    return encode


def background_texts(options: Options) -> tuple[str, ...]:
    """What an answer is weighed against: the other shades."""
    return WORDS


def vocabulary(options: Options) -> tuple[str, ...]:
    """All words, for `ovstore encoders`."""
    return WORDS


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)
