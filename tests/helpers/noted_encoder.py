"""The encoder color_words, which notes every batch of texts that it reads: in the file that NOTED_TEXTS names."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from ovstore.models.encoders import color_words
from ovstore.models.encoders.color_words import Options, background_texts, load_image_encoder, space

__all__ = ["Options", "background_texts", "load_image_encoder", "load_text_encoder", "space"]


def load_text_encoder(options: Options, device: str = "auto") -> Callable[[Sequence[str]], NDArray[np.float32]]:
    """As color_words has it."""
    plain = color_words.load_text_encoder(options, device)

    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        with open(os.environ["NOTED_TEXTS"], "a", encoding="utf-8") as file:
            file.write(json.dumps(list(texts)) + "\n")
        return plain(texts)

    return encode


def read() -> list[list[str]]:
    """The batches since the last call."""
    notes = Path(os.environ["NOTED_TEXTS"])
    lines = notes.read_text(encoding="utf-8").splitlines() if notes.exists() else []
    notes.write_text("")
    return [json.loads(line) for line in lines]
