"""Checkpoints of the published shapes with random numbers, as files that the encoders read like any other."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import open_clip
import timm
from gpu_parts import Setting
from open_clip.model import CLIP
from safetensors.torch import save_file
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))

import lseg_file
import siglip_file

SMALL_CLIP = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}
LARGE_SIGLIP = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}


def clip(setting: Setting, model: str) -> str:
    """The file of a CLIP of open_clip's; beside it, in small, what describes it."""
    architecture = setting.size(open_clip.get_model_config(model), SMALL_CLIP)
    path = setting.folder / f"{model}.safetensors"
    if setting.small:
        (setting.folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": architecture}))
    save_file(_random(CLIP(**architecture)), path)
    return str(path)


def dino(setting: Setting, model: str) -> str:
    """The file of one of timm's vision transformers."""
    path = setting.folder / f"{model}.safetensors"
    save_file(_random(timm.create_model(model, num_classes=0, dynamic_img_size=True)), path)
    return str(path)


def lseg(setting: Setting) -> str:
    """The file of LSeg's ViT-L/16, as demo_e200.ckpt has it."""
    path = setting.folder / "lseg.ckpt"
    lseg_file.save(path, sizes=setting.size(lseg_file.PUBLISHED, lseg_file.SMALL))
    return str(path)


def siglip2(setting: Setting) -> str:
    """The folder of a siglip2-base-patch16-256 with a small vocabulary."""
    text, vision = siglip_file.TEXT, siglip_file.VISION
    if not setting.small:
        text = {**text, **LARGE_SIGLIP, "max_position_embeddings": 64, "projection_size": 768}
        vision = {**vision, **LARGE_SIGLIP, "image_size": 256, "patch_size": 16}
    shapes = siglip_file.shapes(text, vision)
    tensors = {name: lseg_file.values_of(name, shape).numpy() for name, shape in shapes.items()}
    return siglip_file.save_files(setting.folder / "siglip2", tensors, text, vision)


def _random(network: nn.Module) -> dict[str, Tensor]:
    """Its tensors, the parameters among them random; some would start as 0 or 1, which would hide a missing factor."""
    tensors: Mapping[str, Any] = network.state_dict()
    drawn = {name: lseg_file.values_of(name, tuple(each.shape)) for name, each in network.named_parameters()}
    return {name: drawn.get(name, tensor).contiguous() for name, tensor in tensors.items()}
