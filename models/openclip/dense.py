"""A vector for every patch of a picture, in the space of the model's texts, from any open_clip image tower.

A tower ends in an attention that mixes the patches into one image vector. Where each patch attends to nothing but
itself, that attention is its value projection, and the model's own head takes the patch to the space of the texts
(MaskCLIP, Zhou et al., ECCV 2022, section 3.2). Which attention that is depends on the tower:

    native ViT, class token    the last block's         then ln_post and proj
    CoCa, timm with MAP head   the pooling attention's  then the head (SigLIP, PE)
    timm ViT, class token      the last block's         then norm and head (MobileCLIP2-B, EVA02)
    CLIP's ResNets             attnpool's v_proj, c_proj
    towers that average        none: each cell goes through pooling and head alone (ConvNeXt, ViTamin)

Attending to itself alone is a sequence of length one, and that is how it is computed: no weight is taken apart.
"""

from collections.abc import Callable
from typing import Any

import torch
from open_clip.modified_resnet import ModifiedResNet
from open_clip.timm_model import TimmModel
from open_clip.transformer import CustomResidualAttentionBlock, ResidualAttentionBlock, VisionTransformer
from torch import Tensor, nn
from torch.nn import functional as F

from ...core.errors import BadInput

MOST_SEQUENCES = 32_768  # CUDA's attention takes up to 65,535 at once: https://github.com/pytorch/pytorch/issues/142228


def dense(visual: nn.Module, pixels: Tensor, residual: bool = False) -> Tensor:
    """(B, 3, H, W) normalised pixels to (B, H / stride, W / stride, dim), not of unit length.

    `residual` keeps the last block's skip connection and MLP, as MaskCLIP's own code does; without them the patches
    are cleaner (ClearCLIP, Lan et al., ECCV 2024, section 3.2).
    """
    if isinstance(visual, VisionTransformer):
        return _dense_native(visual, pixels, residual)
    if isinstance(visual, ModifiedResNet):
        cells = visual.layer4(_before_layer4(visual, pixels)).permute(0, 2, 3, 1)
        projected: Tensor = visual.attnpool.c_proj(visual.attnpool.v_proj(cells))
        return projected
    if isinstance(visual, TimmModel) and hasattr(visual.trunk, "blocks") and hasattr(visual.trunk, "patch_embed"):
        return _dense_timm_vit(visual, pixels, residual)
    if isinstance(visual, TimmModel):
        return _dense_timm_cells(visual, pixels)
    raise BadInput(f"An image tower of type {type(visual).__name__} is not supported: it has no dense path here.")


def pooled(visual: nn.Module, pixels: Tensor) -> Tensor:
    """(B, 3, H, W) to (B, dim): the image vector of open_clip's own forward, for inputs of any size."""
    if isinstance(visual, VisionTransformer):
        tokens, _ = visual._pool(visual.transformer.resblocks[-1](_native_tokens(visual, pixels)))
        return tokens if visual.proj is None else tokens @ visual.proj
    vector: Tensor = visual(pixels)  # other towers take any size, those of timm after `accept_any_size`
    return vector


def stride(visual: nn.Module) -> int:
    """Pixels along one cell of the dense grid."""
    if isinstance(visual, VisionTransformer):
        return int(visual.patch_size[0])
    if isinstance(visual, ModifiedResNet):
        return 32
    trunk: Any = visual.trunk
    embed = getattr(trunk, "patch_embed", None)
    if embed is not None and hasattr(trunk, "blocks"):
        return int(embed.feat_ratio())
    return int(trunk.feature_info[-1]["reduction"])


def accept_any_size(visual: nn.Module) -> None:
    """Have a timm trunk fit its position embedding to the input at run time; the others do already."""
    trunk: Any = getattr(visual, "trunk", None)
    if not hasattr(trunk, "dynamic_img_size"):
        return
    trunk.dynamic_img_size = True
    trunk.patch_embed.strict_img_size = False
    trunk.patch_embed.flatten = False
    trunk.patch_embed.output_fmt = type(trunk.patch_embed.output_fmt)("NHWC")
    rope: Any = getattr(trunk, "rope", None)
    if hasattr(rope, "update_feat_shape"):
        trunk.patch_embed.register_forward_hook(lambda _, __, grid: rope.update_feat_shape(list(grid.shape[1:3])))


def _native_tokens(visual: VisionTransformer, pixels: Tensor) -> Tensor:
    """(B, 1 + h * w, width): the tokens as the last block receives them, the class token first."""
    patches = visual.conv1(pixels)  # (B, width, h, w)
    grid = (patches.shape[2], patches.shape[3])
    patches = patches.flatten(2).transpose(1, 2)
    first = visual.class_embedding.to(patches.dtype).expand(len(patches), 1, -1)
    tokens = torch.cat([first, patches], dim=1) + _positions(visual, grid).to(patches.dtype)
    tokens = visual.ln_pre(visual.patch_dropout(tokens))
    for block in visual.transformer.resblocks[:-1]:
        tokens = block(tokens)
    return tokens


def _positions(visual: VisionTransformer, grid: tuple[int, int]) -> Tensor:
    """(1 + h * w, width): the position embedding for a grid of any shape, resized as open_clip does on loading."""
    table = visual.positional_embedding
    if grid == tuple(visual.grid_size):
        return table
    image = table[1:].reshape(1, *visual.grid_size, -1).permute(0, 3, 1, 2)
    image = F.interpolate(image, grid, mode="bicubic", antialias=True, align_corners=False)
    return torch.cat([table[:1], image.flatten(2)[0].T])


def _dense_native(visual: VisionTransformer, pixels: Tensor, residual: bool) -> Tensor:
    if getattr(visual, "attn_pool_contrastive", None) is not None:
        raise BadInput("CoCa towers with two pooling attentions are not supported: they have no dense path here.")
    tokens, last = _native_tokens(visual, pixels), visual.transformer.resblocks[-1]
    if visual.attn_pool is None:
        cells = visual.ln_post(alone(tokens[:, 1:], last if residual else _attention_of(last)))
    else:
        pool = visual.attn_pool
        query = pool.ln_q(pool.query)[:1]

        def values(alone: Tensor) -> Tensor:
            key = pool.ln_k(alone)
            mixed: Tensor = pool.attn(query.expand(len(key), 1, -1), key, key, need_weights=False)[0]
            return mixed

        cells = visual.ln_post(alone(last(tokens)[:, 1:], values))
    if visual.proj is not None:
        cells = cells @ visual.proj
    height, width = (pixels.shape[2 + axis] // visual.patch_size[axis] for axis in (0, 1))
    return cells.reshape(len(pixels), height, width, -1)


def _dense_timm_vit(visual: TimmModel, pixels: Tensor, residual: bool) -> Tensor:
    trunk = visual.trunk
    size = stride(visual)
    if trunk.attn_pool is None and trunk.global_pool == "token":
        tokens = _input_of(trunk.blocks[-1], lambda: trunk.forward_features(pixels))
        patches = tokens[:, trunk.num_prefix_tokens :]
        cells = trunk.norm(alone(patches, trunk.blocks[-1] if residual else _attention_of(trunk.blocks[-1])))
    else:
        cells = trunk.forward_features(pixels)[:, trunk.num_prefix_tokens :]
        if trunk.attn_pool is not None:
            cells = alone(cells, trunk.attn_pool)
    cells = visual.head(trunk.head(trunk.head_drop(trunk.fc_norm(cells))))
    return cells.reshape(len(pixels), pixels.shape[2] // size, pixels.shape[3] // size, -1)


def _dense_timm_cells(visual: TimmModel, pixels: Tensor) -> Tensor:
    """Trunks that end in a grid: each cell is a picture of one pixel for pooling, norm and head."""
    grid = visual.trunk.forward_features(pixels)
    if getattr(visual.trunk, "output_fmt", "NCHW") == "NHWC":
        grid = grid.permute(0, 3, 1, 2)
    if grid.ndim != 4:
        raise BadInput(f"The trunk {type(visual.trunk).__name__} is not supported: it returns no grid of features.")
    batch, channels, height, width = grid.shape
    cells = grid.permute(0, 2, 3, 1).reshape(-1, channels, 1, 1)
    return visual.head(visual.trunk.forward_head(cells)).reshape(batch, height, width, -1)


def _before_layer4(visual: ModifiedResNet, pixels: Tensor) -> Tensor:
    return visual.layer3(visual.layer2(visual.layer1(visual.stem(pixels))))


def alone(tokens: Tensor, layer: Callable[[Tensor], Tensor]) -> Tensor:
    """(B, N, C) through `layer` with every token a sequence of its own, MOST_SEQUENCES at a time."""
    batch, count, channels = tokens.shape
    sequences = tokens.reshape(batch * count, 1, channels)
    return torch.cat([layer(some) for some in sequences.split(MOST_SEQUENCES)]).reshape(batch, count, -1)


def _attention_of(block: Any) -> Callable[[Tensor], Tensor]:
    """The attention branch of a transformer block: norm, attention and scale, without skip connection and MLP."""
    if isinstance(block, ResidualAttentionBlock):
        return lambda x: block.ls_1(block.attention(block.ln_1(x)))
    if isinstance(block, CustomResidualAttentionBlock):
        return lambda x: block.ls_1(block.ln_attn(block.attn(block.ln_1(x))))
    if hasattr(block, "ls1"):  # timm's ViT
        return lambda x: block.ls1(block.attn(block.norm1(x)))
    if hasattr(block, "gamma_1"):  # timm's EVA
        return lambda x: block.attn(block.norm1(x)) * (1 if block.gamma_1 is None else block.gamma_1)
    raise BadInput(f"The values of a {type(block).__name__} cannot be taken alone; use --residual.")


def _input_of(module: nn.Module, run: Callable[[], object]) -> Tensor:
    """What `module` receives as its first argument while `run()` runs."""
    received: list[Tensor] = []
    handle = module.register_forward_pre_hook(lambda _, inputs: received.append(inputs[0]))
    try:
        run()
    finally:
        handle.remove()
    return received[0]
