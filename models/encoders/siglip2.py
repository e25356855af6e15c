"""SigLIP 2 from a folder of the Hugging Face hub: dense features for pictures, one vector for a text.

    ovstore ingest scannet scans/ --encoder siglip2 --weights siglip2-base-patch16-512/

The folder is google/siglip2-* as it is published (config.json, model.safetensors, preprocessor_config.json,
tokenizer.json), but for the naflex models. Maps are made as by `openclip`, which takes open_clip's publications of
the same networks; here every number is that of the library `transformers`, which need not be installed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core.features import EmbeddingSpace, FeatureMap
from ..devices import require_precision
from ..everyday import EVERYDAY
from ..openclip.model import Checkpoint
from ..openclip.pooled_images import own_preprocessing, pooled_image_encoder
from ..openclip.text import text_encoder
from ..prompts import templates_of
from ..siglip.folder import build_image_tower, build_text_tower, read_siglip
from ..siglip.gemma_tokens import GemmaTokens
from ..weights_files import find_weights
from . import openclip
from ._options import LONG_SIDE, PRECISION, TEMPLATES, require_long_side

_USUAL_NAMES = tuple(f"siglip2-base-patch16-{size}" for size in (512, 384, 256, 224))
_PUBLISHED_AT = "https://huggingface.co/google/siglip2-base-patch16-512 (the whole folder)"


@dataclass(frozen=True)
class Options:
    """What decides the numbers."""

    weights: str = field(
        default="", metadata={"help": "the model's folder; empty: siglip2-base-patch16-512 in OVSTORE_WEIGHTS"}
    )
    long_side: int = field(default=640, metadata=LONG_SIDE)
    templates: str = field(default="ensemble", metadata=TEMPLATES)
    precision: str = field(default="auto", metadata=PRECISION)

    def __post_init__(self) -> None:
        require_long_side(self.long_side)
        require_precision(self.precision)
        templates_of(self.templates)


def space(options: Options) -> EmbeddingSpace:
    """Named siglip2/FOLDER, with the digest of the weights file."""
    checkpoint = _checkpoint(options)
    return openclip.space_of(checkpoint, f"siglip2/{checkpoint.path.parent.name}")


def load_image_encoder(
    options: Options, device: str = "auto"
) -> Callable[[Sequence[NDArray[np.uint8]]], list[FeatureMap]]:
    """Pictures of one vector per patch, through the pooling head's value path."""
    checkpoint = _checkpoint(options)
    same = openclip.Options(long_side=options.long_side, precision=options.precision)
    tower = build_image_tower(checkpoint)
    return openclip.image_encoder(tower, checkpoint, space(options), same, device, checkpoint.image_size)


def load_pooled_image_encoder(
    options: Options, device: str = "auto"
) -> Callable[[Sequence[NDArray[np.uint8]]], NDArray[np.float32]]:
    """Whole images, squashed to the model's square, through the image tower and its pooling head."""
    checkpoint = _checkpoint(options)
    pixels_of, tower = own_preprocessing(checkpoint), build_image_tower(checkpoint)
    return pooled_image_encoder(tower, checkpoint.dim, pixels_of, options.precision, device)


def taught_crops(options: Options) -> bool:
    """The pooled vector is what it was trained for."""
    return True


def load_text_encoder(options: Options, device: str = "auto") -> Callable[[Sequence[str]], NDArray[np.float32]]:
    """The text tower alone, as a function of texts; each text is the mean over the templates."""
    checkpoint = _checkpoint(options)
    length = checkpoint.architecture["text_cfg"]["max_position_embeddings"]
    tokens = GemmaTokens(checkpoint.path.parent / "tokenizer.json", length)
    return text_encoder(build_text_tower(checkpoint), checkpoint.dim, tokens, options.templates, device)


def background_texts(options: Options) -> tuple[str, ...]:
    """Everyday things, and the words for no thing in particular."""
    return EVERYDAY


def weights_file(options: Options) -> Path:
    """The model's folder."""
    return find_weights(options.weights, _USUAL_NAMES, _PUBLISHED_AT)


def _checkpoint(options: Options) -> Checkpoint:
    found = weights_file(options).absolute()
    return read_siglip(found if found.is_dir() else found.parent)
