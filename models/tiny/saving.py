"""A tiny model as files: weights in half precision, and beside them what they are and how they were made."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from open_clip.model import CustomTextCLIP
from safetensors.torch import save_file
from torch import Tensor

from ...core.errors import BadWeights
from ..safe_load import read_state_dict
from .examples import MEAN, STD
from .phrases import Language
from .tiny_clip import TinyTrainingOptions, configuration


def save(
    folder: Path, model: CustomTextCLIP, language: Language, options: TinyTrainingOptions, training: Mapping[str, Any]
) -> tuple[Path, Path]:
    """Write tiny.safetensors and tiny.json: `model_cfg`, `preprocess_cfg`, words, names, the training."""
    folder.mkdir(parents=True, exist_ok=True)
    words = language.words()
    description = {
        "model_cfg": configuration(options, model.text.vocab_size),
        "preprocess_cfg": {"mean": MEAN, "std": STD, "interpolation": "bicubic"},
        "words": words,
        "names": list(language.names),
        "training": dict(training),
    }
    weights, notes = folder / "tiny.safetensors", folder / "tiny.json"
    save_file({name: _half(tensor) for name, tensor in model.state_dict().items()}, weights)
    weights.chmod(0o644)  # safetensors writes for the owner alone
    notes.write_text(json.dumps(description, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return weights, notes


def _half(tensor: Tensor) -> Tensor:
    """As it is stored: float16 where it was float, and in plain order."""
    kept = tensor.detach().contiguous()
    return kept.half() if kept.is_floating_point() else kept


def weights_to_start_from(path: Path, language: Language) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The weights of an earlier training, their words put where this language has them, and the notes on it.

    Words that are new start from the mean of the others.
    """
    try:
        description = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        old = {word: row + 1 for row, word in enumerate(description["words"])}
    except (OSError, ValueError, KeyError) as error:
        raise BadWeights(f"{path} has no description of a tiny model beside it (.json): {error}") from error
    tensors = read_state_dict(path)
    table = tensors["text.token_embedding.weight"].float()
    start, end = len(old) + 1, len(old) + 2
    rows = [0, *(old.get(word, -1) for word in language.words()), start, end]
    mean = table[1:start].mean(dim=0)
    tensors["text.token_embedding.weight"] = torch.stack([table[row] if row >= 0 else mean for row in rows])
    return tensors, description.get("training", {})
