"""Sentences around the words that are asked: which encoders take them, and what they know."""

import json
from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np
from numpy.typing import NDArray

from ..core.errors import BadInput, UnknownWords
from ..models.prompts import templates_of
from .encode import Encoder


def takes_templates(encoder: Encoder) -> bool:
    """Whether the encoder puts words into sentences."""
    return any(field.name == "templates" for field in fields(encoder.plugin.Options))


def with_templates(encoder: Encoder, templates: str) -> Encoder:
    """The encoder asking with other sentences: a named set, or sentences with {} split by |."""
    if not takes_templates(encoder):
        raise BadInput(f"The encoder {encoder.name} uses the plain words: leave --templates out.")
    settings = json.loads(encoder.settings) | {"templates": templates}
    prompted = replace(encoder, settings=json.dumps(settings, sort_keys=True))
    _ = prompted.options  # refuses what is no template
    return prompted


def asked_with(encoder: Encoder) -> str:
    """What a table says of the sentences around the words."""
    if not takes_templates(encoder):
        return "the plain words"
    if not encoder.options.templates:
        return "the default sentences of the encoder"
    patterns = templates_of(encoder.options.templates)
    return "the plain words" if patterns == ("{}",) else ", ".join(f'"{pattern}"' for pattern in patterns)


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
