"""The text side of CLIP models: sentences to unit vectors, whichever image network they are compared with."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from open_clip.model import _build_text_tower
from torch import Tensor, nn
from torch.nn import functional as F

from ...core.errors import BadInput, BadWeights, MissingPackage
from ..devices import device_of
from ..prompts import fill, templates_of
from ..safe_load import load_into
from .hub import hub_or_cache

_TEXTS_AT_ONCE = 256


def text_encoder(
    text_tower: nn.Module, dim: int, tokenize: Callable[[list[str]], Tensor], templates: str, device: str
) -> Callable[[Sequence[str]], NDArray[np.float32]]:
    """Texts to unit rows, the mean of their filled templates."""
    where = device_of(device)
    text_tower = text_tower.to(where)
    patterns = templates_of(templates)

    @torch.inference_mode()
    def vectors_of(sentences: list[str]) -> Tensor:
        parts = [sentences[i : i + _TEXTS_AT_ONCE] for i in range(0, len(sentences), _TEXTS_AT_ONCE)]
        return torch.cat([F.normalize(text_tower(tokenize(part).to(where)).float(), dim=-1) for part in parts])

    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        if any(not text.strip() for text in texts):
            raise BadInput("A text to search for is empty; give a word or a sentence.")
        if not texts:
            return np.zeros((0, dim), np.float32)
        sentences = [fill(pattern, text) for text in texts for pattern in patterns]
        mean = vectors_of(sentences).reshape(len(texts), len(patterns), -1).mean(dim=1)
        return F.normalize(mean, dim=-1).cpu().numpy()

    return encode


def tokenizer_of(model: str) -> Callable[[list[str]], Tensor]:
    """The tokenizer that open_clip names for one of its models."""
    try:
        with hub_or_cache():
            tokenize: Callable[[list[str]], Tensor] = open_clip.get_tokenizer(model)
    except ModuleNotFoundError as error:
        raise MissingPackage(
            f"The tokenizer of {model} needs the package {error.name!r}: pip install {error.name}."
        ) from error
    except (OSError, ValueError) as error:
        raise BadWeights(
            f"The tokenizer of {model} could not be loaded; without a network, put the model's "
            "open_clip_config.json and tokenizer files beside the weights."
        ) from error
    return tokenize


def openai_text_tower(tensors: Mapping[str, Tensor], source: str) -> nn.Module:
    """The text tower of a CLIP whose tensors have OpenAI's names (token_embedding.weight, transformer.resblocks ...).

    Sizes are read off the shapes; heads are 64 wide and the activation is QuickGELU, as in every CLIP of OpenAI.
    `source` names the file in messages.
    """
    names = ("token_embedding.weight", "positional_embedding", "text_projection", "ln_final.weight", "ln_final.bias")
    own = {name: tensor for name, tensor in tensors.items() if name in names or name.startswith("transformer.")}
    for name in names[:3]:
        if name not in own or own[name].ndim != 2:
            raise BadWeights(f"{source} contains no CLIP text tower: {name} is missing or not a matrix.")
    width, dim = own["text_projection"].shape
    settings = {
        "context_length": own["positional_embedding"].shape[0],
        "vocab_size": own["token_embedding.weight"].shape[0],
        "width": width,
        "heads": max(1, width // 64),
        "layers": len({name.split(".")[2] for name in own if name.startswith("transformer.resblocks.")}),
    }
    tower: nn.Module = _build_text_tower(dim, settings, quick_gelu=True)
    load_into(tower, own, f"{source}: the text tower's tensors")
    return tower
