"""A small CLIP that knows generated rooms and nothing else; its weights come with ovstore.

It is an open_clip checkpoint and runs through the code of `openclip`. `ovstore train tiny` makes the weights;
models/weights/tiny.json says how those that are shipped came about.
"""

import functools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ...core.errors import BadWeights
from ...core.features import EmbeddingSpace, FeatureMap
from ..openclip.dense import stride
from ..openclip.images import grid_of, to_pixels
from ..openclip.model import Checkpoint, build_text, build_visual, read_side_config
from ..openclip.pooled_images import pooled_image_encoder
from ..openclip.text import text_encoder
from ..tiny.phrases import ANYTHING
from ..tiny.words import TaughtWords
from . import openclip
from ._images import checked_image
from ._options import require_long_side

SHIPPED = Path(__file__).parent.parent / "weights" / "tiny.safetensors"


@dataclass(frozen=True)
class Options:
    """What decides the numbers."""

    weights: str = field(default="", metadata={"help": "a file made by `ovstore train tiny`; empty: the shipped one"})
    long_side: int = field(default=0, metadata={"help": "pixels of the longer side; 0: the size it was trained on"})

    def __post_init__(self) -> None:
        require_long_side(self.long_side)


def space(options: Options) -> EmbeddingSpace:
    """Named `tiny`, whoever trained it; the digest tells weights apart."""
    return openclip.space_of(_checkpoint(options), "tiny")


def load_image_encoder(
    options: Options, device: str = "auto"
) -> Callable[[Sequence[NDArray[np.uint8]]], list[FeatureMap]]:
    """Pictures of any size to maps; larger ones are shrunk to the size of the training pictures."""
    checkpoint = _checkpoint(options)
    same = openclip.Options(long_side=options.long_side or checkpoint.image_size, precision="float32")
    tower = build_visual(checkpoint)
    return openclip.image_encoder(tower, checkpoint, space(options), same, device, smallest=1)  # a crop keeps its scale


def load_pooled_image_encoder(
    options: Options, device: str = "auto"
) -> Callable[[Sequence[NDArray[np.uint8]]], NDArray[np.float32]]:
    """Whole images at their own scale, larger ones shrunk to the size of the training images; cells are averaged."""
    checkpoint = _checkpoint(options)
    tower = build_visual(checkpoint)
    cell = stride(tower)
    most = options.long_side or checkpoint.image_size

    def pixels_of(image: NDArray[np.uint8]) -> Tensor:
        height, width = checked_image(image).shape[:2]
        grid = grid_of(height, width, most, 1, cell)
        return to_pixels(image, grid, cell, checkpoint.mean, checkpoint.std, checkpoint.interpolation)

    return pooled_image_encoder(tower, checkpoint.dim, pixels_of, "float32", device)


def taught_crops(options: Options) -> bool:
    """It was trained on the cells of whole images alone; docs/encoders.md shows what crops cost."""
    return False


def load_text_encoder(options: Options, device: str = "auto") -> Callable[[Sequence[str]], NDArray[np.float32]]:
    """Texts of known words to unit rows; UnknownWords for any other."""
    checkpoint = _checkpoint(options)
    return text_encoder(build_text(checkpoint), checkpoint.dim, TaughtWords(vocabulary(options)), "plain", device)


def background_texts(options: Options) -> tuple[str, ...]:
    """The name of everything it was taught; of weights that do not list them, a phrase that is true of all things."""
    names = _description(_weights(options))["names"]
    return tuple(names) or ANYTHING[:1]


def vocabulary(options: Options) -> tuple[str, ...]:
    """Every word that the model knows, sorted."""
    words = _description(_weights(options))["words"]
    return tuple(words)


def weights_file(options: Options) -> Path:
    """The shipped ones, or those of the options."""
    _description(_weights(options))
    return _weights(options)


def _weights(options: Options) -> Path:
    return Path(options.weights).expanduser() if options.weights else SHIPPED


def _checkpoint(options: Options) -> Checkpoint:
    weights = _weights(options)
    _description(weights)
    return read_side_config(weights.with_suffix(".json"), weights)


def _description(weights: Path) -> dict[str, list[str]]:
    """The JSON beside the weights."""
    path = weights.with_suffix(".json")
    if not weights.is_file() or not path.is_file():
        raise BadWeights(f"No tiny model at {weights}: a .safetensors and a .json beside it were expected.")
    return _read_description(path, path.stat().st_mtime_ns)


@functools.lru_cache(maxsize=4)
def _read_description(path: Path, changed: int) -> dict[str, list[str]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = {"words": content["words"], "names": content.get("names", [])}
        for key, words in found.items():
            if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
                raise KeyError(key)
    except (ValueError, KeyError, TypeError) as error:
        raise BadWeights(f"{path} does not describe a tiny model: {error}") from error
    return found
