"""Which open_clip model, with which weights: the options of every encoder that is made of one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import open_clip
from numpy.typing import NDArray

from ..weights_files import named_weights
from .hub import offline
from .model import Checkpoint, build_text, find_checkpoint
from .text import text_encoder, tokenizer_of

WEIGHTS = {"help": "a published tag, or a file (also by name in OVSTORE_WEIGHTS)"}


@dataclass(frozen=True)
class ModelOptions:
    """An encoder's Options add what its maps depend on."""

    model: str = field(default="ViT-B-16", metadata={"help": "an open_clip model name"})
    weights: str = field(default="laion2b_s34b_b88k", metadata=WEIGHTS)
    tag: str = field(default="", metadata={"help": "which published weights a local file holds"})

    def checkpoint(self) -> Checkpoint:
        """The file; a published tag is downloaded."""
        return find_checkpoint(self.model, self.weights, self.tag)

    def weights_file(self) -> Path | None:
        """The file, where it is named or was downloaded before; None where it would be downloaded."""
        named = named_weights(self.weights)
        published = open_clip.get_pretrained_cfg(self.model, self.weights) or {}
        if named is not None or not published.get("hf_hub"):
            return named
        try:
            with offline():
                return Path(open_clip.download_pretrained(published))
        except Exception:  # it is not in the cache; huggingface_hub has many ways to say so
            return None

    @property
    def name(self) -> str:
        """MODEL/WEIGHTS, by the published tag, or by the file's name where that is all there is."""
        path = named_weights(self.weights)
        return f"{self.model}/{self.tag or (path.stem if path is not None and path.is_file() else self.weights)}"

    def text_encoder(self, templates: str, device: str) -> Callable[[Sequence[str]], NDArray[np.float32]]:
        """The text tower alone, as a function of texts; each text is the mean over the templates."""
        checkpoint = self.checkpoint()
        tokenize = tokenizer_of(checkpoint.tokenizer_of)
        return text_encoder(build_text(checkpoint), checkpoint.dim, tokenize, templates, device)
