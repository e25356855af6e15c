"""The words of classes as vectors, with the prompts that a protocol wants around them."""

import json
from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np
from numpy.typing import NDArray

from ..core.errors import BadInput, UnknownWords
from .encode import Encoder


def takes_templates(encoder: Encoder) -> bool:
    """Whether the encoder puts words into sentences."""
    return any(field.name == "templates" for field in fields(encoder.plugin.Options))


def with_templates(encoder: Encoder, templates: str) -> Encoder:
    """The encoder asking with other sentences: a named set, or sentences with {} split by |."""
    if not takes_templates(encoder):
        raise BadInput(f"The encoder {encoder.name} takes words as they are: leave --templates out.")
    settings = json.loads(encoder.settings) | {"templates": templates}
    prompted = replace(encoder, settings=json.dumps(settings, sort_keys=True))
    _ = prompted.options  # refuses what is no template
    return prompted


def known_texts(encoder: Encoder, texts: Sequence[str]) -> tuple[NDArray[np.float32], list[int]]:
    """(K, dim) vectors of the texts that the encoder knows, and their positions in `texts`."""
    try:
        return encoder.texts(texts), list(range(len(texts)))
    except UnknownWords:
        known = [position for position, text in enumerate(texts) if _knows(encoder, text)]
        return encoder.texts([texts[position] for position in known]), known


def _knows(encoder: Encoder, text: str) -> bool:
    try:
        encoder.texts([text])
    except UnknownWords:
        return False
    return True
