"""SigLIP 2 in a folder of the Hugging Face hub (config.json, model.safetensors), as networks of open_clip and timm.

The folder's tensors have the names of the library `transformers`, which is not needed: they are renamed here. What the
configuration leaves out has that library's defaults, those of the base model with patches of 16 pixels.
"""

import json
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from open_clip.model import _build_text_tower
from open_clip.timm_model import TimmModel
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from ...core.errors import BadWeights
from ..openclip.dense import accept_any_size
from ..openclip.model import Checkpoint
from ..safe_load import load_into, read_state_dict

_BASE = {
    "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
    "hidden_act": "gelu_pytorch_tanh", "layer_norm_eps": 1e-6,
}  # fmt: skip
_VISION = {**_BASE, "image_size": 224, "patch_size": 16, "vision_use_head": True}
_TEXT = {**_BASE, "vocab_size": 32000, "max_position_embeddings": 64}
_LARGEST = {"num_hidden_layers": 1000, "vocab_size": 1 << 20}
_LARGEST_OTHER = 1 << 14
_MOST_JSON = 1 << 20
_RESAMPLING = {2: "bilinear", 3: "bicubic"}  # Pillow's numbers


def read_siglip(folder: Path) -> Checkpoint:
    """The weights with their sizes and preprocessing; BadWeights for a folder of another model."""
    config = _json(folder / "config.json")
    if config.get("model_type") != "siglip":
        raise BadWeights(
            f"{folder} contains a model of type {config.get('model_type')!r}; 'siglip' was expected, the type of "
            "all google/siglip2-* except those called naflex."
        )
    preprocessing = _json(folder / "preprocessor_config.json")
    try:
        vision, text = _sizes(config["vision_config"], _VISION), _sizes(config["text_config"], _TEXT)
        dim = int(config["text_config"].get("projection_size") or text["hidden_size"])
        mean, std = (tuple(map(float, preprocessing[name])) for name in ("image_mean", "image_std"))
        checkpoint = Checkpoint(
            folder / "model.safetensors",
            {"embed_dim": dim, "vision_cfg": vision, "text_cfg": text},
            (mean[0], mean[1], mean[2]),
            (std[0], std[1], std[2]),
            _RESAMPLING[preprocessing["resample"]],
            folder.name,
            "squash",
        )
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise BadWeights(f"{folder}: config.json or preprocessor_config.json is damaged: {error}") from error
    if {vision["hidden_act"], text["hidden_act"]} != {"gelu_pytorch_tanh"} or not vision["vision_use_head"]:
        raise BadWeights(f"{folder}: config.json asks for another activation, or no pooling head, than SigLIP 2 has.")
    if not checkpoint.path.is_file():
        raise BadWeights(f"No weights at {checkpoint.path}; one whole file was expected, not several parts.")
    return checkpoint


def build_image_tower(checkpoint: Checkpoint) -> nn.Module:
    """The image tower alone, float32 on the CPU, in evaluation mode, as open_clip wraps those of timm."""
    sizes = checkpoint.architecture["vision_cfg"]
    with torch.device("meta"):  # sizes are the file's claim until its tensors fit
        trunk = VisionTransformer(
            img_size=sizes["image_size"],
            patch_size=sizes["patch_size"],
            embed_dim=sizes["hidden_size"],
            depth=sizes["num_hidden_layers"],
            num_heads=sizes["num_attention_heads"],
            mlp_ratio=_ratio(sizes),
            num_classes=0,
            class_token=False,
            global_pool="map",
            norm_layer=partial(nn.LayerNorm, eps=sizes["layer_norm_eps"]),
            act_layer="gelu_tanh",
        )
    load_into(trunk, _image_tensors(_part(checkpoint, "vision_model.")), f"{checkpoint.path} and its config.json")
    tower = _Tower(trunk)
    accept_any_size(tower)
    return tower.eval()


def build_text_tower(checkpoint: Checkpoint) -> nn.Module:
    """The text tower alone, float32 on the CPU, in evaluation mode; no mask, the last token is the text's."""
    sizes = checkpoint.architecture["text_cfg"]
    settings = {
        "context_length": sizes["max_position_embeddings"],
        "vocab_size": sizes["vocab_size"],
        "width": sizes["hidden_size"],
        "heads": sizes["num_attention_heads"],
        "layers": sizes["num_hidden_layers"],
        "mlp_ratio": _ratio(sizes),
        "no_causal_mask": True,
        "proj_bias": True,
        "pool_type": "last",
        "norm_kwargs": {"eps": sizes["layer_norm_eps"]},
        "act_kwargs": {"approximate": "tanh"},
    }
    with torch.device("meta"):
        tower: nn.Module = _build_text_tower(checkpoint.dim, settings)
    load_into(tower, _text_tensors(_part(checkpoint, "text_model.")), f"{checkpoint.path} and its config.json")
    return tower


class _Tower(TimmModel):
    """open_clip's wrapper round a trunk that is there already."""

    def __init__(self, trunk: nn.Module) -> None:
        nn.Module.__init__(self)
        self.trunk = trunk
        self.head = nn.Identity()


def _sizes(given: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    sizes = {name: type(default)(given.get(name, default)) for name, default in defaults.items()}
    for name, size in sizes.items():
        if type(size) is int and not 1 <= size <= _LARGEST.get(name, _LARGEST_OTHER):
            raise ValueError(f"{name} is {size}")
    if sizes["num_attention_heads"] < 1 or sizes["hidden_size"] % sizes["num_attention_heads"]:
        raise ValueError(f"{sizes['hidden_size']} channels in {sizes['num_attention_heads']} heads")
    return sizes


def _ratio(sizes: Mapping[str, Any]) -> float:
    """Both libraries cut `width * ratio` off to a whole number; half a unit more keeps it from falling below."""
    return (sizes["intermediate_size"] + 0.5) / sizes["hidden_size"]


def _part(checkpoint: Checkpoint, prefix: str) -> dict[str, Tensor]:
    tensors = read_state_dict(checkpoint.path)
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix) and not name.endswith(".position_ids")  # a buffer of older files
    }


def _image_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """transformers' names to timm's."""
    found = _joined(tensors, "attn.qkv.")
    for kind in ("weight", "bias"):
        if (joined := found.pop(f"head.attention.in_proj_{kind}", None)) is not None:
            width = len(joined) // 3
            found[f"attn_pool.q.{kind}"], found[f"attn_pool.kv.{kind}"] = joined[:width], joined[width:]
    return {_renamed(name, _IMAGE): tensor[None] if name in _UNBATCHED else tensor for name, tensor in found.items()}


def _text_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """transformers' names to open_clip's."""
    return {_renamed(name, _WORDS): tensor for name, tensor in _joined(tensors, "attn.in_proj_").items()}


def _joined(tensors: Mapping[str, Tensor], name_of_three: str) -> dict[str, Tensor]:
    """Query, key and value of each block as one tensor, as both libraries keep them."""
    found = dict(tensors)
    for name in tensors:
        if ".self_attn.q_proj." in name and (three := _three(found, name)) is not None:
            found[name.replace("self_attn.q_proj.", name_of_three)] = torch.cat(three)
    return found


def _three(tensors: dict[str, Tensor], name: str) -> list[Tensor] | None:
    names = [name.replace(".q_proj.", f".{which}_proj.") for which in "qkv"]
    return [tensors.pop(one) for one in names] if all(one in tensors for one in names) else None


_UNBATCHED = {"embeddings.position_embedding.weight"}
_IMAGE = {
    r"^embeddings\.patch_embedding\.": "patch_embed.proj.",
    r"^embeddings\.position_embedding\.weight$": "pos_embed",
    r"^encoder\.layers\.": "blocks.",
    r"\.layer_norm(\d)\.": r".norm\1.",
    r"\.self_attn\.out_proj\.": ".attn.proj.",
    r"^post_layernorm\.": "norm.",
    r"^head\.probe$": "attn_pool.latent",
    r"^head\.attention\.out_proj\.": "attn_pool.proj.",
    r"^head\.layernorm\.": "attn_pool.norm.",
    r"^head\.mlp\.": "attn_pool.mlp.",
}
_WORDS = {
    r"^embeddings\.token_embedding\.": "token_embedding.",
    r"^embeddings\.position_embedding\.weight$": "positional_embedding",
    r"^encoder\.layers\.": "transformer.resblocks.",
    r"\.layer_norm(\d)\.": r".ln_\1.",
    r"\.self_attn\.out_proj\.": ".attn.out_proj.",
    r"\.mlp\.fc1\.": ".mlp.c_fc.",
    r"\.mlp\.fc2\.": ".mlp.c_proj.",
    r"^final_layer_norm\.": "ln_final.",
    r"^head\.": "text_projection.",
}


def _renamed(name: str, rules: Mapping[str, str]) -> str:
    for pattern, replacement in rules.items():
        name = re.sub(pattern, replacement, name)
    return name


def _json(path: Path) -> dict[str, Any]:
    try:
        if not path.is_file() or path.stat().st_size > _MOST_JSON:
            raise FileNotFoundError(path)
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadWeights(f"No {path.name} in {path.parent}; the whole folder of the model is needed.") from error
    except (ValueError, RecursionError) as error:
        raise BadWeights(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise BadWeights(f"{path} contains a {type(content).__name__}; an object was expected.")
    return content
