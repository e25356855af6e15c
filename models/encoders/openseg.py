"""OpenSeg: per-pixel features in the space of CLIP ViT-L/14@336px, from the TensorFlow SavedModel of its authors.

    ovstore ingest scannet scans/ --encoder openseg --weights exported_model/
    ovstore ingest openscene data/ --encoder openseg --weights exported_model/ --compat openscene

The network sees squares of 640 pixels. `tiles` lays overlapping ones over a larger picture and blends them;
`openscene` shrinks or enlarges the whole picture, and `openscene-tiles` cuts it up without overlap, each as OpenScene
does. Texts go through CLIP's own tower in PyTorch; the SavedModel runs in a process of its own, which needs
TensorFlow: in this Python, or in the one that the variable OVSTORE_TENSORFLOW_PYTHON names.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from ...core import environment
from ...core.errors import BadInput, BadWeights, NotFound
from ...core.features import EmbeddingSpace, FeatureMap
from ..everyday import EVERYDAY
from ..openclip.model import find_checkpoint
from ..openclip.text import openai_text_tower, text_encoder, tokenizer_of
from ..openseg.maps import of_picture_size, of_separate_tiles, tiled, unit_in_place
from ..openseg.network import VARIABLE, Network
from ..openseg.signature import PIXELS, PUBLISHED_AT, REGIONS, SavedModel, read_saved_model
from ..prompts import templates_of
from ..safe_load import read_state_dict
from ..weights_files import find_weights
from ._images import checked_image
from ._options import TEMPLATES

log = logging.getLogger(__name__)

_USUAL_NAMES = ("exported_model", "openseg_clip", "openseg")
_LARGEST_CELL = 64  # of 640: a tenth of a tile
_TEXT_MODEL = "ViT-L-14-336-quickgelu"
_TEXT_PUBLISHED_AT = "huggingface.co/timm/vit_large_patch14_clip_336.openai (open_clip_model.safetensors)"


@dataclass(frozen=True)
class Options:
    """What decides the numbers."""

    weights: str = field(
        default="",
        metadata={"help": "the folder of the SavedModel; empty: exported_model in the folder OVSTORE_WEIGHTS"},
    )
    text_weights: str = field(
        default="openai",
        metadata={"help": "CLIP ViT-L/14@336px, for the texts: a file; openai: open_clip downloads it"},
    )
    mode: Literal["tiles", "openscene", "openscene-tiles"] = field(
        default="tiles",
        metadata={
            "help": "tiles: overlapping tiles; OpenScene's: openscene, the whole image, or "
            "openscene-tiles, separate tiles"
        },
    )
    tile: int = field(default=640, metadata={"help": "pixels of a tile's side; 0: the whole image at once"})
    overlap: float = field(default=0.25, metadata={"help": "share of a tile that its neighbour sees too"})
    cell: int = field(
        default=4,
        metadata={"help": "the network's pixels along one cell of the map in mode tiles; 1: 16 times the memory"},
    )
    regional_pool: bool = field(
        default=True, metadata={"help": "average features over the regions that the network proposes"}
    )
    unit: bool = field(default=True, metadata={"help": "unit length; off: the features as the network gives them"})
    templates: str = field(default="openscene", metadata=TEMPLATES)

    def __post_init__(self) -> None:
        if self.mode not in ("tiles", "openscene", "openscene-tiles"):
            raise BadInput(f"mode is {self.mode!r}: tiles, openscene or openscene-tiles was expected.")
        if self.tile < 0 or (self.tile == 0 and self.mode == "openscene-tiles"):
            raise BadInput(f"tile is {self.tile}; the side of a tile in pixels was expected.")
        if not 0 <= self.overlap < 1:
            raise BadInput(f"overlap is {self.overlap}; a share of at least 0 and below 1 was expected.")
        if not 1 <= self.cell <= _LARGEST_CELL:
            raise BadInput(f"cell is {self.cell}; 1 to {_LARGEST_CELL} pixels were expected.")
        templates_of(self.templates)


def space(options: Options) -> EmbeddingSpace:
    """The digest is the SavedModel's: it was trained towards one text tower, which is not part of it."""
    model = _model(options)
    return EmbeddingSpace("openseg", model.dim, model.digest)


def load_image_encoder(
    options: Options, device: str = "auto"
) -> Callable[[Sequence[NDArray[np.uint8]]], list[FeatureMap]]:
    """Starts the network's process, which ends with the function; cells without a direction are zeros."""
    embedding_space = space(options)
    network = Network(_model(options), REGIONS if options.regional_pool else PIXELS, device)
    if device == "auto" and network.device == "cpu" and torch.cuda.is_available():
        log.warning(
            "OpenSeg runs on the CPU: PyTorch sees a GPU here, but TensorFlow does not (docs/encoders.md, openseg)."
        )

    def values_of(image: NDArray[np.uint8]) -> NDArray[np.float16]:
        if options.mode == "tiles":
            return tiled(image, network, options.tile, options.overlap, options.cell, options.unit)
        if options.mode == "openscene":
            values = of_picture_size(image, network)
        else:
            values = of_separate_tiles(image, network, options.tile)
        return unit_in_place(values) if options.unit else values

    def encode(images: Sequence[NDArray[np.uint8]]) -> list[FeatureMap]:
        sampling: Literal["nearest", "bilinear"] = "bilinear" if options.mode == "tiles" else "nearest"
        return [FeatureMap(embedding_space, values_of(checked_image(image)), sampling) for image in images]

    return encode


def load_text_encoder(options: Options, device: str = "auto") -> Callable[[Sequence[str]], NDArray[np.float32]]:
    """The text tower of CLIP ViT-L/14@336px, which OpenSeg's features were trained towards."""
    path = _text_weights(options)
    dim = space(options).dim
    tensors = read_state_dict(path)
    tower = openai_text_tower(tensors, str(path))
    found = tensors["text_projection"].shape[1]
    if found != dim:
        raise BadWeights(
            f"Texts of {path} have {found} numbers, but features of OpenSeg have {dim}; CLIP ViT-L/14@336px was "
            f"expected, from {_TEXT_PUBLISHED_AT}."
        )
    return text_encoder(tower, dim, tokenizer_of(_TEXT_MODEL), options.templates, device)


def background_texts(options: Options) -> tuple[str, ...]:
    """Everyday things, and the words for no thing in particular."""
    return EVERYDAY


def weights_file(options: Options) -> Path:
    """The folder of the SavedModel."""
    return find_weights(options.weights, _USUAL_NAMES, PUBLISHED_AT)


def missing_package() -> str | None:
    """TensorFlow, unless another Python is named that brings it."""
    return None if environment.value(VARIABLE) or find_spec("tensorflow") else "tensorflow"


def _model(options: Options) -> SavedModel:
    return read_saved_model(weights_file(options))


def _text_weights(options: Options) -> Path:
    try:
        return find_checkpoint(_TEXT_MODEL, options.text_weights).path
    except (BadWeights, NotFound) as error:
        raise BadWeights(
            f"OpenSeg's texts need CLIP ViT-L/14@336px, which {options.text_weights!r} did not provide. Download "
            f"the file from {_TEXT_PUBLISHED_AT} and pass it with --text-weights."
        ) from error
