"""Whole images to one vector each, as open_clip's `encode_image` after the model's own preprocessing."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from ...core.errors import BadInput
from ..devices import batches, device_of, images_fitting, lowered, precision_of, to_device
from ..encoders._images import checked_image
from .dense import pooled
from .model import UNKNOWN, Checkpoint

Pixels = Callable[[NDArray[np.uint8]], Tensor]  # (H, W, 3) to (3, h, w) normalised


def own_preprocessing(checkpoint: Checkpoint) -> Pixels:
    """What the model was trained behind: open_clip's own transform with the settings of the weights."""
    if checkpoint.resize_mode == UNKNOWN:
        raise BadInput(
            f"{checkpoint.path} does not record how whole images become square, and the published weights of "
            f"{checkpoint.tokenizer_of} differ in it. Name the ones it follows with --tag."
        )
    settings = PreprocessCfg(
        size=checkpoint.architecture["vision_cfg"].get("image_size", 224),
        mean=checkpoint.mean,
        std=checkpoint.std,
        interpolation=checkpoint.interpolation,
        resize_mode=checkpoint.resize_mode,
    )
    transform = image_transform_v2(settings, is_train=False)

    def pixels_of(image: NDArray[np.uint8]) -> Tensor:
        pixels: Tensor = transform(Image.fromarray(checked_image(image)))
        return pixels

    return pixels_of


def pooled_image_encoder(
    visual: nn.Module, dim: int, pixels_of: Pixels, precision: str, device: str
) -> Callable[[Sequence[NDArray[np.uint8]]], NDArray[np.float32]]:
    """Images to (n, dim) unit rows; those of one size go through the tower together."""
    where = device_of(device)
    visual = visual.to(where)
    lower = precision_of(precision, where)

    @images_fitting(where)
    def encode(images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        rows = np.empty((len(images), dim), np.float32)
        for positions, pixels in batches(images, pixels_of, together=True):
            with torch.inference_mode(), lowered(where, lower):
                vectors = pooled(visual, to_device(pixels, where))
            rows[positions] = F.normalize(vectors.float(), dim=-1).cpu().numpy()
        return rows

    return encode
