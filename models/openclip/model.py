"""open_clip checkpoints: which file, which architecture, which preprocessing; each tower built without the other.

open_clip given a local file assumes OpenAI's mean and std and the model's default activation, whatever the file was
trained with, and says nothing. Here the settings come with the weights: from `open_clip_config.json` beside the file,
from the published tag that the file holds, or from what all published tags of the model have in common.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import open_clip
import torch
from open_clip.model import _build_text_tower, _build_vision_tower, convert_to_custom_text_state_dict
from torch import nn

from ...core.errors import BadInput, BadWeights, NotFound
from ..safe_load import load_into, read_state_dict
from ..tiny import trunk  # noqa: F401 (a trunk that timm is told of)
from ..weights_files import named_weights
from .dense import accept_any_size
from .hub import hub_or_cache

UNKNOWN = "unknown"  # a resize mode that the published weights of a model do not agree on
_SIDE_CONFIG = "open_clip_config.json"


@dataclass(frozen=True)
class Checkpoint:
    """A weights file with all that its numbers need to mean something."""

    path: Path
    architecture: Mapping[str, Any]  # open_clip's model_cfg: embed_dim, vision_cfg, text_cfg, quick_gelu, ...
    mean: tuple[float, float, float]  # of pixels in 0..1
    std: tuple[float, float, float]
    interpolation: str  # "bicubic" or "bilinear"
    tokenizer_of: str  # what open_clip.get_tokenizer is asked for
    resize_mode: str = "shortest"  # how whole images become square: "shortest" (cut), "squash", "longest" (padded)

    @property
    def dim(self) -> int:
        """Length of the model's image and text vectors."""
        return int(self.architecture["embed_dim"])

    @property
    def image_size(self) -> int:
        """Longer side in pixels of the pictures that the model was trained on."""
        size = self.architecture["vision_cfg"].get("image_size", 224)
        return int(size if isinstance(size, int) else max(size))


def find_checkpoint(model: str, weights: str, tag: str = "") -> Checkpoint:
    """Resolve what people type; a tag is downloaded by open_clip, into its own cache."""
    architecture = open_clip.get_model_config(model)
    if architecture is None:
        raise NotFound(
            f"open_clip has no model named {model!r}. Known: ViT-B-16, ViT-B-16-SigLIP2, convnext_base_w ..."
        )
    path = named_weights(weights)
    if path is None or not path.is_file():
        if _looks_like_a_path(weights):
            raise BadWeights(f"No weights at {weights}.")
        return _published(model, weights, architecture)
    if (path.parent / _SIDE_CONFIG).is_file():
        return read_side_config(path.parent / _SIDE_CONFIG, path)
    return _settled(path, model, architecture, _settings_of_file(model, path, tag))


def read_side_config(config: Path, weights: Path) -> Checkpoint:
    """A checkpoint described by open_clip's own JSON (`model_cfg`, `preprocess_cfg`)."""
    try:
        content = json.loads(config.read_text(encoding="utf-8"))
        architecture, preprocessing = content["model_cfg"], content.get("preprocess_cfg", {})
        if not {"embed_dim", "vision_cfg", "text_cfg"} <= set(architecture):
            raise KeyError("embed_dim, vision_cfg, text_cfg")
        if "trust_remote_code" in (architecture["text_cfg"].get("tokenizer_kwargs") or {}):
            raise ValueError("its tokenizer asks to run code (trust_remote_code)")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadWeights(f"{config} is not an open_clip configuration: {error}") from error
    return _settled(weights, f"local-dir:{config.parent}", architecture, preprocessing)


def build_visual(checkpoint: Checkpoint) -> nn.Module:
    """The image tower alone, float32 on the CPU, in evaluation mode."""
    architecture = checkpoint.architecture
    settings = {**architecture["vision_cfg"], "timm_model_pretrained": False}  # nothing is fetched for what is loaded
    visual = _build_vision_tower(architecture["embed_dim"], settings, architecture.get("quick_gelu", False))
    _load_tower(visual, "visual.", checkpoint)
    accept_any_size(visual)
    return visual


def build_text(checkpoint: Checkpoint) -> nn.Module:
    """The text tower alone, float32 on the CPU, in evaluation mode."""
    architecture = checkpoint.architecture
    settings = dict(architecture["text_cfg"])
    if "hf_model_name" in settings:
        settings["hf_model_pretrained"] = False
    text = _build_text_tower(architecture["embed_dim"], settings, architecture.get("quick_gelu", False))
    if "multimodal_cfg" in architecture:
        text.output_tokens = False
    _load_tower(text, "text.", checkpoint)
    return text


def logit_scale(checkpoint: Checkpoint) -> float:
    """The softmax temperature that the model was trained to, at most 100 as in CLIP."""
    tensors = read_state_dict(checkpoint.path)
    if "logit_scale" not in tensors:
        raise BadWeights(f"{checkpoint.path} contains no logit_scale; a CLIP checkpoint was expected.")
    return float(tensors["logit_scale"].float().reshape(()).exp().clamp(max=100))


def _load_tower(tower: nn.Module, prefix: str, checkpoint: Checkpoint) -> None:
    tensors = convert_to_custom_text_state_dict(read_state_dict(checkpoint.path))
    own = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    own.pop("transformer.embeddings.position_ids", None)  # a buffer that transformers no longer keeps
    _resize_positions(tower, own)
    load_into(tower, own, f"The weights {checkpoint.path} and the {prefix[:-1]} tower of {checkpoint.tokenizer_of}")


def _resize_positions(tower: nn.Module, tensors: dict[str, torch.Tensor]) -> None:
    """Position tables of another length are brought to the tower's, as open_clip does."""
    table = tensors.get("positional_embedding")
    expected = getattr(tower, "positional_embedding", None)
    if table is None or expected is None or table.shape == expected.shape or table.shape[1:] != expected.shape[1:]:
        return
    if hasattr(tower, "grid_size"):
        whole = {"visual.positional_embedding": table.float()}
        open_clip.model.resize_pos_embed(whole, _Holder(visual=tower))
        tensors["positional_embedding"] = whole["visual.positional_embedding"]
    else:
        whole = {"text.positional_embedding": table.float()}
        open_clip.model.resize_text_pos_embed(whole, _Holder(text=tower))
        tensors["positional_embedding"] = whole["text.positional_embedding"]


class _Holder:
    """A model as open_clip's resizing looks at it: something with a tower."""

    def __init__(self, **towers: nn.Module) -> None:
        self.__dict__.update(towers)


def _published(model: str, tag: str, architecture: Mapping[str, Any]) -> Checkpoint:
    settings = open_clip.get_pretrained_cfg(model, tag)
    if not settings:
        known = ", ".join(open_clip.list_pretrained_tags_by_model(model)) or "none; give a file"
        raise NotFound(f"{model} has no published weights {tag!r}, and no such file exists. Known: {known}.")
    try:
        with hub_or_cache():
            path = open_clip.download_pretrained(settings)
    except Exception as error:  # urllib, huggingface_hub and requests each raise their own
        source = (
            f"https://huggingface.co/{settings['hf_hub'].rstrip('/')}" if settings.get("hf_hub") else settings["url"]
        )
        raise BadWeights(
            f"The weights {tag} of {model} could not be downloaded ({type(error).__name__}). Download the file from "
            f"{source} on a machine with network access, and pass it: --weights /path/to/file --tag {tag}."
        ) from error
    return _settled(Path(path), model, architecture, settings)


def _settings_of_file(model: str, path: Path, tag: str) -> Mapping[str, Any]:
    """Preprocessing and activation of a local file: those of its tag, else what all tags of the model agree on."""
    known = {name: open_clip.get_pretrained_cfg(model, name) for name in open_clip.list_pretrained_tags_by_model(model)}
    if tag:
        if tag not in known:
            raise NotFound(f"{model} has no published weights {tag!r}. Known: {', '.join(known) or 'none'}.")
        return known[tag]
    kinds = {
        (tuple(s["mean"]), tuple(s["std"]), s.get("interpolation", "bicubic"), bool(s.get("quick_gelu")))
        for s in known.values()
    }
    if len(kinds) > 1:
        raise BadInput(
            f"{path} does not record how it was trained, and the published weights of {model} differ in mean, std "
            f"or activation. Name the ones it follows with --tag: {', '.join(known)}."
        )
    settings: Mapping[str, Any] = next(iter(known.values()), {})
    modes = {s.get("resize_mode", "shortest") for s in known.values()}
    return {**settings, "resize_mode": UNKNOWN} if len(modes) > 1 else settings


def _settled(path: Path, model: str, architecture: Mapping[str, Any], settings: Mapping[str, Any]) -> Checkpoint:
    if settings.get("quick_gelu"):
        architecture = {**architecture, "quick_gelu": True}
    return Checkpoint(
        path,
        architecture,
        _triple(settings.get("mean"), open_clip.OPENAI_DATASET_MEAN),
        _triple(settings.get("std"), open_clip.OPENAI_DATASET_STD),
        settings.get("interpolation", "bicubic"),
        model,
        settings.get("resize_mode", "shortest"),
    )


def _triple(value: Any, default: tuple[float, float, float]) -> tuple[float, float, float]:
    if value is None:
        return default
    red, green, blue = (float(v) for v in (value if isinstance(value, list | tuple) else [value] * 3))
    return red, green, blue


def _looks_like_a_path(weights: str) -> bool:
    return "/" in weights or Path(weights).suffix in {".pt", ".pth", ".bin", ".ckpt", ".safetensors"}
