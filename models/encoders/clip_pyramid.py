"""3D-OVS's pyramid of CLIP patches: a vector for every patch at three sizes, and for every pixel the mean of its own.

    ovstore ingest llff scenes/ --encoder clip_pyramid --weights openai
    ovstore ingest llff scenes/ --encoder clip_pyramid --long-side 0 --scale fine

Some 3,500 passes through the image tower for a picture of any size: an encoder for a GPU. Crops see whole things, so
words for whole things fit better than with single patches, and edges come out softer. `load_patch_encoder` gives the
patches themselves (models/pyramid/file.py keeps them, 3.5 MB a picture); the maps are made of them exactly.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from ...core.errors import BadInput
from ...core.features import EmbeddingSpace, FeatureMap
from ..devices import device_of, images_fitting, lowered, precision_of, require_precision
from ..everyday import EVERYDAY
from ..openclip.dense import pooled
from ..openclip.model import build_visual
from ..openclip.options import WEIGHTS, ModelOptions
from ..openclip.pooled_images import own_preprocessing, pooled_image_encoder
from ..prompts import templates_of
from ..pyramid.crops import crops
from ..pyramid.maps import scale_map
from ..pyramid.patches import LARGEST_SIDE, PATCHES_ALONG, PatchPyramid, patches_of, shrunk
from ._images import checked_image
from ._options import PRECISION, TEMPLATES
from .openclip import space_of

_SCALES = {"mean": range(len(PATCHES_ALONG)), "coarse": (0,), "middle": (1,), "fine": (2,)}
_CROPS_AT_ONCE = {"cuda": 512, "cpu": 32}  # one by one is less than half as fast on two CPU cores


@dataclass(frozen=True)
class Options(ModelOptions):
    """What decides the numbers."""

    weights: str = field(default="openai", metadata=WEIGHTS)
    long_side: int = field(
        default=320, metadata={"help": "pixels of the map's longer side; 0: an eighth of the image, as in the original"}
    )
    jitter: float = field(
        default=0.25, metadata={"help": "share of its side by which a patch may grow on each side, at random; 0: none"}
    )
    scale: Literal["mean", "coarse", "middle", "fine"] = field(
        default="mean", metadata={"help": "which patches form the map: the mean of all three sizes, or one of them"}
    )
    templates: str = field(default="plain", metadata=TEMPLATES)
    precision: str = field(default="auto", metadata=PRECISION)

    def __post_init__(self) -> None:
        if not 0 <= self.long_side <= LARGEST_SIDE:
            raise BadInput(f"long_side is {self.long_side}; pixels from 0 to {LARGEST_SIDE} were expected.")
        if not 0 <= self.jitter <= 1:
            raise BadInput(f"jitter is {self.jitter}; a share from 0 to 1 was expected.")
        if self.scale not in _SCALES:
            raise BadInput(f"scale is {self.scale!r}; one of {', '.join(_SCALES)} was expected.")
        require_precision(self.precision)
        templates_of(self.templates)


def space(options: Options) -> EmbeddingSpace:
    """Named clip_pyramid/MODEL/WEIGHTS, with the digest of the weights file."""
    return space_of(options.checkpoint(), f"clip_pyramid/{options.name}")


def load_image_encoder(
    options: Options, device: str = "auto"
) -> Callable[[Sequence[NDArray[np.uint8]]], list[FeatureMap]]:
    """Pictures of any size to maps of at most `long_side` cells along the longer side."""
    patch_encoder = load_patch_encoder(options, device)
    embedding_space, where = space(options), device_of(device)

    def map_of(pyramid: PatchPyramid) -> FeatureMap:
        total: Tensor | float = 0.0
        for scale in _SCALES[options.scale]:
            total = total + F.normalize(scale_map(pyramid, scale, where), dim=-1)
        assert isinstance(total, Tensor)
        return FeatureMap(embedding_space, F.normalize(total, dim=-1).half().cpu().numpy())

    return lambda images: [map_of(patch_encoder(image)) for image in images]


def load_patch_encoder(options: Options, device: str = "auto") -> Callable[[NDArray[np.uint8]], PatchPyramid]:
    """A picture to its patches and their vectors, all that the maps are made of."""
    where = device_of(device)
    checkpoint = options.checkpoint()
    visual = build_visual(checkpoint).to(where)
    precision = precision_of(options.precision, where)
    mean, deviation = (
        torch.tensor(values, device=where).view(1, 3, 1, 1) * 255 for values in (checkpoint.mean, checkpoint.std)
    )

    @images_fitting(where)
    @torch.inference_mode()
    def encode(image: NDArray[np.uint8]) -> PatchPyramid:
        small = shrunk(checked_image(image), options.long_side)
        boxes, scale = patches_of(small, options.jitter)
        picture = torch.from_numpy(small.copy()).to(where).permute(2, 0, 1).float()
        embeddings = []
        for some in torch.from_numpy(boxes).to(where, torch.int64).split(_CROPS_AT_ONCE[where.type]):
            pixels = (crops(picture, some, checkpoint.image_size, checkpoint.interpolation) - mean) / deviation
            with lowered(where, precision):
                embeddings.append(pooled(visual, pixels).half())
        height, width = small.shape[:2]
        return PatchPyramid(height, width, boxes, scale, torch.cat(embeddings).cpu().numpy())

    return encode


def load_pooled_image_encoder(
    options: Options, device: str = "auto"
) -> Callable[[Sequence[NDArray[np.uint8]]], NDArray[np.float32]]:
    """Whole images through the model's own preprocessing and image tower: open_clip's `encode_image`."""
    checkpoint = options.checkpoint()
    pixels_of, visual = own_preprocessing(checkpoint), build_visual(checkpoint)
    return pooled_image_encoder(visual, checkpoint.dim, pixels_of, options.precision, device)


def taught_crops(options: Options) -> bool:
    """All models of open_clip were: the pooled vector is what they were trained for."""
    return True


def load_text_encoder(options: Options, device: str = "auto") -> Callable[[Sequence[str]], NDArray[np.float32]]:
    """The text tower alone, as a function of texts."""
    return options.text_encoder(options.templates, device)


def weights_file(options: Options) -> Path | None:
    """As open_clip names them."""
    return options.weights_file()


def background_texts(options: Options) -> tuple[str, ...]:
    """Everyday things, and the words for no thing in particular."""
    return EVERYDAY
