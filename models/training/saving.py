"""A tiny model as files: weights in half precision, and beside them what they are and how they were made."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from open_clip.model import CustomTextCLIP
from safetensors.torch import save_file

from .phrases import Language
from .tiny_clip import MEAN, STD, Options, configuration


def save(
    folder: Path, model: CustomTextCLIP, language: Language, options: Options, training: Mapping[str, Any]
) -> tuple[Path, Path]:
    """Write tiny.safetensors and tiny.json (open_clip's `model_cfg` and `preprocess_cfg`, the words, the training)."""
    folder.mkdir(parents=True, exist_ok=True)
    height, width = model.visual.image_size
    words = language.words()
    description = {
        "model_cfg": configuration(options, model.text.vocab_size, height, width),
        "preprocess_cfg": {"mean": MEAN, "std": STD, "interpolation": "bicubic"},
        "words": words,
        "training": dict(training),
    }
    weights, notes = folder / "tiny.safetensors", folder / "tiny.json"
    save_file({name: tensor.detach().to(torch.float16) for name, tensor in model.state_dict().items()}, weights)
    notes.write_text(json.dumps(description, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return weights, notes
