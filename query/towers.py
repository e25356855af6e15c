"""The networks that questions go through: each is loaded once, and is asked by one thread at a time."""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..core.errors import SpaceMismatch
from ..core.once import Once

if TYPE_CHECKING:
    from .encode import Encoder

log = logging.getLogger(__name__)

Result = TypeVar("Result")

_KEPT = 2  # networks of each kind: they take memory


def _load_text_tower(encoder: "Encoder") -> Callable[[Sequence[str]], NDArray[np.float32]]:
    _require_space(encoder)
    log.info("Loading %s to encode words; words that were used before need no network.", encoder.space.name)
    return _one_at_a_time(encoder.plugin.load_text_encoder(encoder.options, encoder.device))


def _load_image_tower(encoder: "Encoder") -> Callable[[Sequence[NDArray[np.uint8]]], list[Any]]:
    _require_space(encoder)
    log.info("Loading %s to encode an image.", encoder.space.name)
    return _one_at_a_time(encoder.plugin.load_image_encoder(encoder.options, encoder.device))


text_tower: "Once[Encoder, Callable[[Sequence[str]], NDArray[np.float32]]]" = Once(_load_text_tower, _KEPT)
image_tower: "Once[Encoder, Callable[[Sequence[NDArray[np.uint8]]], list[Any]]]" = Once(_load_image_tower, _KEPT)


def _one_at_a_time(encode: Callable[[Any], Result]) -> Callable[[Any], Result]:
    """Networks are not made for several threads, and two at once are no quicker."""
    lock = threading.Lock()

    def encode_alone(given: Any) -> Result:
        with lock:
            return encode(given)

    return encode_alone


def _require_space(encoder: "Encoder") -> None:
    """SpaceMismatch when the weights at hand are not those that the feature sets were made with."""
    try:
        encoder.space.require_same(encoder.plugin.space(encoder.options))
    except SpaceMismatch as error:
        raise SpaceMismatch(
            f"{error} The features were made by weights that are not here: ingest their scans with --again to be able "
            "to ask them in words."
        ) from error
