"""Any open_clip model: dense features for pictures, one vector for a text, in the model's own space.

    ovstore ingest scannet scans/ --encoder openclip --model ViT-B-16 --weights laion2b_s34b_b88k
    ovstore ingest scannet scans/ --encoder openclip --model ViT-B-16-SigLIP2 --weights siglip2.safetensors

`weights` is a published tag, which open_clip downloads into its own cache, or a file (.safetensors, .pt, .bin).
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from ...core.errors import BadInput
from ...core.features import EmbeddingSpace, FeatureMap
from ..devices import (
    BATCH_PIXELS,
    batches,
    device_of,
    images_fitting,
    lowered,
    precision_of,
    require_precision,
    to_device,
)
from ..everyday import EVERYDAY
from ..openclip.dense import dense, stride
from ..openclip.images import Window, grid_of, stitch, to_pixels, windows
from ..openclip.model import Checkpoint, build_visual, logit_scale
from ..openclip.options import ModelOptions
from ..openclip.pooled_images import own_preprocessing, pooled_image_encoder
from ..prompts import templates_of
from ..safe_load import sha256_of
from ._images import checked_image
from ._options import LONG_SIDE, PRECISION, TEMPLATES


@dataclass(frozen=True)
class Options(ModelOptions):
    """What decides the numbers."""

    long_side: int = field(default=640, metadata=LONG_SIDE)
    window: int = field(default=0, metadata={"help": "pixels of a sliding window; 0: the whole image at once"})
    overlap: float = field(default=0.25, metadata={"help": "share of a window that its neighbour sees too"})
    residual: bool = field(default=False, metadata={"help": "keep the last block's skip connection and MLP"})
    templates: str = field(default="ensemble", metadata=TEMPLATES)
    precision: str = field(default="auto", metadata=PRECISION)

    def __post_init__(self) -> None:
        if self.long_side < 0 or self.window < 0:
            raise BadInput(
                f"long_side is {self.long_side} and window is {self.window}; pixels, 0 or more, were expected."
            )
        if not 0 <= self.overlap < 1:
            raise BadInput(f"overlap is {self.overlap}; a share of at least 0 and below 1 was expected.")
        require_precision(self.precision)
        templates_of(self.templates)


def space(options: Options) -> EmbeddingSpace:
    """Named openclip/MODEL/WEIGHTS, with the digest of the weights file."""
    return space_of(options.checkpoint(), f"openclip/{options.name}")


def load_image_encoder(
    options: Options, device: str = "auto"
) -> Callable[[Sequence[NDArray[np.uint8]]], list[FeatureMap]]:
    """The image tower alone, as a function of pictures."""
    checkpoint = options.checkpoint()
    return image_encoder(build_visual(checkpoint), checkpoint, space(options), options, device, checkpoint.image_size)


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
    """The text tower alone, as a function of texts; each text is the mean over the templates."""
    return options.text_encoder(options.templates, device)


def weights_file(options: Options) -> Path | None:
    """As open_clip names them."""
    return options.weights_file()


def background_texts(options: Options) -> tuple[str, ...]:
    """Everyday things, and the words for no thing in particular."""
    return EVERYDAY


def space_of(checkpoint: Checkpoint, name: str) -> EmbeddingSpace:
    """The space of a checkpoint under a name of its own."""
    return EmbeddingSpace(name, checkpoint.dim, sha256_of(checkpoint.path), logit_scale(checkpoint))


def image_encoder(
    visual: nn.Module,
    checkpoint: Checkpoint,
    embedding_space: EmbeddingSpace,
    options: Options,
    device: str,
    smallest: int,
) -> Callable[[Sequence[NDArray[np.uint8]]], list[FeatureMap]]:
    """Pictures to maps by the tower `visual`; those below `smallest` pixels grow to it."""
    where = device_of(device)
    visual = visual.to(where)
    cell = stride(visual)
    precision = precision_of(options.precision, where)

    def pixels_of(image: NDArray[np.uint8]) -> Tensor:
        height, width = checked_image(image).shape[:2]
        grid = grid_of(height, width, options.long_side, smallest, cell)
        return to_pixels(image, grid, cell, checkpoint.mean, checkpoint.std, checkpoint.interpolation)

    def run(pixels: Tensor) -> Tensor:
        """(B, 3, H, W) to (B, h, w, dim), both on the device."""
        if not options.window:
            return _forward(visual, pixels, options.residual, precision)
        grid = (pixels.shape[2] // cell, pixels.shape[3] // cell)
        parts = windows(grid, math.ceil(options.window / cell), options.overlap)
        return torch.stack([stitch(grid, _window_values(parts, picture)) for picture in pixels])

    def _window_values(parts: list[Window], picture: Tensor) -> Iterator[tuple[Window, Tensor]]:
        at_once = max(1, BATCH_PIXELS // (parts[0].height * parts[0].width * cell**2)) if where.type == "cuda" else 1
        for i in range(0, len(parts), at_once):
            some = parts[i : i + at_once]
            cut = [
                picture[:, w.top * cell : (w.top + w.height) * cell, w.left * cell : (w.left + w.width) * cell]
                for w in some
            ]
            yield from zip(some, _forward(visual, torch.stack(cut), options.residual, precision), strict=True)

    @images_fitting(where)
    def encode(images: Sequence[NDArray[np.uint8]]) -> list[FeatureMap]:
        maps: dict[int, FeatureMap] = {}
        for positions, pixels in batches(images, pixels_of, together=where.type == "cuda"):
            with torch.inference_mode():
                values = F.normalize(run(to_device(pixels, where)).float(), dim=-1).half().cpu().numpy()
            for position, value in zip(positions, values, strict=True):
                maps[position] = FeatureMap(embedding_space, value)
        return [maps[i] for i in range(len(images))]

    return encode


def _forward(visual: nn.Module, pixels: Tensor, residual: bool, precision: torch.dtype) -> Tensor:
    with lowered(pixels.device, precision):
        return dense(visual, pixels, residual)
