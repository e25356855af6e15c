"""The pooled image tower of the encoder that a feature set was made with."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core import plugins
from ...core.contracts import offers
from ...core.errors import BadInput
from ...core.features import EmbeddingSpace
from ...core.options import chosen
from ...models.encoders import HasPooledImages

PooledImages = Callable[[Sequence[NDArray[np.uint8]]], NDArray[np.float32]]


def can_pool(name: str) -> bool:
    """Whether the encoder has a pooled image tower."""
    return offers(plugins.load("models.encoders", name, noun="encoder"), HasPooledImages) is not None


def pooling(name: str) -> HasPooledImages:
    """The encoder as one that has a pooled image tower; BadInput for one without."""
    offered = offers(plugins.load("models.encoders", name, noun="encoder"), HasPooledImages)
    if offered is None:
        raise BadInput(
            f"The encoder {name!r} gives no vector for a whole image, so it cannot describe objects from crops; "
            "encoders of CLIP's kind can: openclip, siglip2, clip_pyramid, tiny."
        )
    return offered


def pooled_images(encoder: Mapping[str, Any], space: EmbeddingSpace, device: str) -> PooledImages:
    """The tower of the encoder that a recipe names; SpaceMismatch where the weights here are others than then."""
    return _tower(encoder["name"], json.dumps(encoder["options"], sort_keys=True), space, device)


@lru_cache(maxsize=1)
def _tower(name: str, settings: str, space: EmbeddingSpace, device: str) -> PooledImages:
    """The network, built once a process."""
    offered, plugin = pooling(name), plugins.load("models.encoders", name)
    options = chosen(plugin.Options, json.loads(settings), name)
    space.require_same(plugin.space(options))
    return offered.load_pooled_image_encoder(options, device)
