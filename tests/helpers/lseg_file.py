"""LSeg checkpoints with the original's names and shapes, by default in small; values follow from the names."""

import zlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor


def values_of(name: str, shape: tuple[int, ...]) -> Tensor:
    """Always the same for a name and shape; spread as a trained layer's are, variances positive."""
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    noise = torch.randn(shape, generator=generator)
    if name.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    if name.endswith("running_var"):
        return noise.abs() + 0.5
    if len(shape) < 2:
        return noise * 0.1 + (1.0 if name.endswith("weight") else 0.0)
    fan_in = max(1, noise[0].numel())
    return noise / fan_in**0.5


@dataclass(frozen=True)
class Sizes:
    """Of a checkpoint whose trunk is a ViT."""

    width: int = 64
    depth: int = 4
    side: int = 3  # patches of the pictures it was trained on
    channels: tuple[int, int, int, int] = (8, 12, 16, 20)
    features: int = 16
    dim: int = 24
    text_width: int = 64
    text_layers: int = 1


SMALL = Sizes()
PUBLISHED = Sizes(1024, 24, 24, (256, 512, 1024, 1024), 256, 512, 512, 12)  # demo_e200.ckpt's ViT-L/16


def shapes(trunk: str = "vit16", sizes: Sizes = SMALL) -> dict[str, tuple[int, ...]]:
    """Names (without `net.`) and shapes: a ViT of 4 blocks with patches of 16 or 32, or a ResNet of 4 bottlenecks."""
    shapes = _vit(16, sizes) if trunk == "vit16" else _vit(32, sizes) if trunk == "vit32" else _resnet()
    shapes |= _text(sizes.text_width, sizes.dim, sizes.text_layers)
    channels = [shapes.pop(f"level{level}")[0] for level in (1, 2, 3, 4)]
    return {**shapes, **_scratch(channels, sizes.features, sizes.dim)}


def save(path: Path, trunk: str = "vit16", prefix: str = "net.", sizes: Sizes = SMALL) -> dict[str, Tensor]:
    """Write one as Lightning does; the tensors without `net.`."""
    tensors = {name: values_of(name, shape) for name, shape in shapes(trunk, sizes).items()}
    torch.save({"state_dict": {prefix + name: t for name, t in tensors.items()}, "epoch": 200}, path)
    return tensors


def _vit(patch: int, sizes: Sizes) -> dict[str, tuple[int, ...]]:
    model, width, depth, side = "pretrained.model.", sizes.width, sizes.depth, sizes.side
    shapes: dict[str, tuple[int, ...]] = {
        f"{model}cls_token": (1, 1, width),
        f"{model}pos_embed": (1, 1 + side**2, width),
        f"{model}patch_embed.proj.weight": (width, 3, patch, patch),
        f"{model}patch_embed.proj.bias": (width,),
        **_pair(f"{model}norm", (width,)),
        **_pair(f"{model}head", (1000, width)),
    }
    for block in range(depth):
        name = f"{model}blocks.{block}."
        shapes |= {**_pair(f"{name}norm1", (width,)), **_pair(f"{name}norm2", (width,))}
        shapes |= {**_pair(f"{name}attn.qkv", (3 * width, width)), **_pair(f"{name}attn.proj", (width, width))}
        shapes |= {**_pair(f"{name}mlp.fc1", (4 * width, width)), **_pair(f"{name}mlp.fc2", (width, 4 * width))}
    enlarged = {1: 4, 2: 2} if patch == 16 else {1: 8, 2: 4, 3: 2}
    for level, channels in zip((1, 2, 3, 4), sizes.channels, strict=True):
        name = f"pretrained.act_postprocess{level}."
        shapes |= {**_pair(f"{name}0.project.0", (width, 2 * width)), **_pair(f"{name}3", (channels, width, 1, 1))}
        if level in enlarged:
            shapes |= _pair(f"{name}4", (channels, channels, enlarged[level], enlarged[level]))
        elif level == 4 and patch == 16:
            shapes |= _pair(f"{name}4", (channels, channels, 3, 3))
        shapes[f"level{level}"] = (channels,)
    return shapes


def _resnet() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {
        "pretrained.layer1.0.weight": (64, 3, 7, 7),
        **_norm("pretrained.layer1.1", 64),
    }
    inside = 64
    for level, width in zip((1, 2, 3, 4), (64, 128, 256, 512), strict=True):
        name = f"pretrained.layer{level}" + (".4.0." if level == 1 else ".0.")
        for k, (out, into, size) in enumerate([(width, inside, 1), (width, width, 3), (4 * width, width, 1)], start=1):
            shapes |= {f"{name}conv{k}.weight": (out, into, size, size), **_norm(f"{name}bn{k}", out)}
        shapes |= {f"{name}downsample.0.weight": (4 * width, inside, 1, 1), **_norm(f"{name}downsample.1", 4 * width)}
        inside = 4 * width
        shapes[f"level{level}"] = (inside,)
    return shapes


def _scratch(channels: list[int], features: int, dim: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = _pair("scratch.head1", (dim, features, 1, 1))
    for level, count in zip((1, 2, 3, 4), channels, strict=True):
        shapes[f"scratch.layer{level}_rn.weight"] = (features, count, 3, 3)
        name = f"scratch.refinenet{level}."
        shapes |= _pair(f"{name}out_conv", (features, features, 1, 1))
        for unit in ("resConfUnit1.", "resConfUnit2."):
            for k in (1, 2):
                shapes[f"{name}{unit}conv{k}.weight"] = (features, features, 3, 3)
                shapes |= _norm(f"{name}{unit}bn{k}", features)
    return shapes


def _text(width: int, dim: int, layers: int) -> dict[str, tuple[int, ...]]:
    name = "clip_pretrained."
    shapes: dict[str, tuple[int, ...]] = {
        f"{name}positional_embedding": (77, width),
        f"{name}text_projection": (width, dim),
        f"{name}logit_scale": (),
        f"{name}token_embedding.weight": (49408, width),
        f"{name}visual.class_embedding": (width,),
        **_pair(f"{name}ln_final", (width,)),
    }
    for layer in range(layers):
        block = f"{name}transformer.resblocks.{layer}."
        shapes |= {f"{block}attn.in_proj_weight": (3 * width, width), f"{block}attn.in_proj_bias": (3 * width,)}
        shapes |= {**_pair(f"{block}attn.out_proj", (width, width)), **_pair(f"{block}ln_1", (width,))}
        shapes |= {**_pair(f"{block}ln_2", (width,)), **_pair(f"{block}mlp.c_fc", (4 * width, width))}
        shapes |= _pair(f"{block}mlp.c_proj", (width, 4 * width))
    return shapes


def _pair(name: str, weight: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """A layer's weight and bias; the bias is as long as the first axis."""
    return {f"{name}.weight": weight, f"{name}.bias": weight[:1]}


def _norm(name: str, channels: int) -> dict[str, tuple[int, ...]]:
    """A batch norm."""
    shapes: dict[str, tuple[int, ...]] = {f"{name}.num_batches_tracked": ()}
    return {
        **shapes,
        **_pair(name, (channels,)),
        f"{name}.running_mean": (channels,),
        f"{name}.running_var": (channels,),
    }
