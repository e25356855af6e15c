"""DINO, DINOv2 and DINOv3 through timm: dense features of pictures alone, for search by picture; they know no words.

    ovstore ingest scannet scans/ --encoder dino --model vit_base_patch14_reg4_dinov2.lvd142m
    ovstore search --image mug.jpg

`model` is a timm name: vit_small_patch8_224.dino, vit_base_patch14_dinov2.lvd142m, vit_base_patch16_dinov3.lvd1689m
and so on; any other of timm's plain vision transformers goes the same way. `weights` is a file of timm's or of the
authors; without it, MODEL.safetensors in the folder OVSTORE_WEIGHTS, else what timm publishes is downloaded.
"""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import timm
import torch
from huggingface_hub import hf_hub_download
from numpy.typing import NDArray
from timm.models import eva, vision_transformer
from torch import Tensor
from torch.nn import functional as F

from ...core.errors import BadInput, BadWeights, NotFound, UnknownWords
from ...core.features import EmbeddingSpace, FeatureMap
from ...core.wording import did_you_mean
from ..devices import batches, device_of, images_fitting, lowered, precision_of, require_precision, to_device
from ..openclip.hub import hub_or_cache, offline
from ..openclip.images import grid_of, to_pixels
from ..safe_load import load_into, read_state_dict, sha256_of, without_prefixes
from ..weights_files import find_weights, named_weights
from ._images import checked_image
from ._options import LONG_SIDE, PRECISION, require_long_side

_TRAINED_AT = 224  # pixels of DINO's crops; smaller pictures grow to it


@dataclass(frozen=True)
class Options:
    """What decides the numbers."""

    model: str = field(default="vit_base_patch14_reg4_dinov2.lvd142m", metadata={"help": "a timm model name"})
    weights: str = field(default="", metadata={"help": "a weights file; empty: the published weights"})
    long_side: int = field(default=640, metadata=LONG_SIDE)
    layers: str = field(
        default="last",
        metadata={"help": "last, or numbers of blocks (from 0) whose vectors are concatenated, such as 5,11"},
    )
    norm: bool = field(
        default=True, metadata={"help": "apply the network's last norm; off: the tokens before it, as in 3D-OVS"}
    )
    precision: str = field(default="auto", metadata=PRECISION)

    def __post_init__(self) -> None:
        require_long_side(self.long_side)
        if self.layers != "last" and not all(part.isdecimal() for part in self.layers.split(",")):
            raise BadInput(f"layers is {self.layers!r}; last, or numbers of blocks such as 5,11 were expected.")
        require_precision(self.precision)


def space(options: Options) -> EmbeddingSpace:
    """Named dino/MODEL, with the blocks where it is not the last one, and the digest of the weights file."""
    with torch.device("meta"):
        network = _architecture(options.model)
    blocks = _blocks(options, network)
    name = f"dino/{options.model}" + ("" if options.layers == "last" else f"/{','.join(map(str, blocks))}")
    name += "" if options.norm else "/before the norm"
    return EmbeddingSpace(name, network.embed_dim * len(blocks), sha256_of(_weights(options)))


def load_image_encoder(
    options: Options, device: str = "auto"
) -> Callable[[Sequence[NDArray[np.uint8]]], list[FeatureMap]]:
    """Pictures of one vector per patch; class and register tokens are left out."""
    where = device_of(device)
    embedding_space = space(options)
    network = _network(options).to(where)
    precision = precision_of(options.precision, where)
    blocks = _blocks(options, network)
    cell = int(network.patch_embed.patch_size[0])
    settings = network.pretrained_cfg

    def pixels_of(image: NDArray[np.uint8]) -> Tensor:
        height, width = checked_image(image).shape[:2]
        grid = grid_of(height, width, options.long_side, _TRAINED_AT, cell)
        return to_pixels(image, grid, cell, settings["mean"], settings["std"], "bicubic")

    @images_fitting(where)
    @torch.inference_mode()
    def encode(images: Sequence[NDArray[np.uint8]]) -> list[FeatureMap]:
        maps: dict[int, FeatureMap] = {}
        for positions, pixels in batches(images, pixels_of, together=where.type == "cuda"):
            with lowered(where, precision):
                found = network.forward_intermediates(
                    to_device(pixels, where), indices=blocks, norm=options.norm, intermediates_only=True
                )
            joined = torch.cat([F.normalize(layer.float(), dim=1) for layer in found], dim=1)
            values = F.normalize(joined, dim=1).permute(0, 2, 3, 1).half().cpu().numpy()
            for position, value in zip(positions, values, strict=True):
                maps[position] = FeatureMap(embedding_space, value)
        return [maps[i] for i in range(len(images))]

    return encode


def load_text_encoder(options: Options, device: str = "auto") -> NoReturn:
    """There is none."""
    raise UnknownWords(
        "dino features know no words: query with an image (--image) or a region (--like), or use features of an "
        "encoder with a text tower."
    )


def background_texts(options: Options) -> tuple[str, ...]:
    """None: nothing can be asked in words."""
    return ()


def _architecture(model: str) -> Any:
    """timm's network by its name, with random weights, for pictures of any size."""
    if not timm.is_model(model.partition(".")[0]):
        hint = did_you_mean(model, timm.list_models("*dino*", pretrained=True))
        raise NotFound(f"timm has no model named {model!r}.{hint}")
    network = None
    try:
        network = timm.create_model(model, num_classes=0, dynamic_img_size=True)
    except TypeError:  # other kinds of network do not know dynamic_img_size
        pass
    except RuntimeError as error:
        raise NotFound(f"timm has no weights of that name: {error}") from error
    if not isinstance(network, vision_transformer.VisionTransformer | eva.Eva):
        raise BadInput(f"{model} is not a plain vision transformer; vit_base_patch14_reg4_dinov2.lvd142m is one.")
    return network


def _blocks(options: Options, network: Any) -> list[int]:
    count = len(network.blocks)
    blocks = [count - 1] if options.layers == "last" else sorted({int(part) for part in options.layers.split(",")})
    if blocks[-1] >= count:
        raise BadInput(f"layers is {options.layers!r}; {options.model} has the blocks 0 to {count - 1}.")
    return blocks


def weights_file(options: Options) -> Path | None:
    """What is named, or lies in the folder of weights, or was downloaded before."""
    with suppress(BadWeights), offline():
        return _weights(options)
    if options.weights:
        return _weights(options)  # says what was looked for
    return None


def _weights(options: Options) -> Path:
    published = timm.models.get_pretrained_cfg(options.model)
    repository = (published.hf_hub_id if published is not None else None) or f"timm/{options.model}"
    if options.weights:
        return find_weights(options.weights, (), f"https://huggingface.co/{repository}")
    if (found := named_weights(f"{options.model}.safetensors")) is not None:
        return found
    try:
        with hub_or_cache():
            return Path(hf_hub_download(repository, "model.safetensors"))
    except Exception as error:  # huggingface_hub and the libraries under it each raise their own
        raise BadWeights(
            f"The weights of {options.model} could not be downloaded ({type(error).__name__}). Download "
            f"model.safetensors from https://huggingface.co/{repository} on a machine with network access, and pass "
            "it: --weights /path/to/file."
        ) from error


def _network(options: Options) -> Any:
    """The network with its weights, float32 on the CPU, in evaluation mode."""
    path = _weights(options)
    network = _architecture(options.model)
    tensors = _trunk(read_state_dict(path))
    source = f"The weights {path} and {options.model}"
    _require_same_patches(network, tensors, source)
    if "storage_tokens" in tensors and getattr(network.blocks[0].attn, "q_bias", None) is None:
        tensors = _without_biases(tensors, source)
    family = eva if isinstance(network, eva.Eva) else vision_transformer
    load_into(network, family.checkpoint_filter_fn(tensors, network), source)
    return network


def _trunk(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The network in a file of DINO's training, the teacher's where there are two; other files as they are.

    Training files keep it as `backbone`, beside the heads that are dropped, and DINOv2's its blocks in chunks, whose
    second number is the block's.
    """
    while True:
        for part in ("teacher.", "student.", "backbone."):
            chosen = {name.removeprefix(part): tensor for name, tensor in tensors.items() if name.startswith(part)}
            if chosen:
                tensors = without_prefixes(chosen)
                break
        else:
            return {re.sub(r"^blocks\.\d+\.(\d+)\.", r"blocks.\1.", name): tensor for name, tensor in tensors.items()}


def _require_same_patches(network: Any, tensors: dict[str, Tensor], source: str) -> None:
    """timm would resample the filters of patches of another size without a word."""
    name = "patch_embed.proj.weight"
    expected = tuple(network.patch_embed.proj.weight.shape)
    found = tuple(tensors[name].shape) if name in tensors else "missing"
    if found != expected:
        raise BadWeights(
            f"{source} do not fit: {name} is {found}, {expected} was expected. Is it another model's file?"
        )


def _without_biases(tensors: dict[str, Tensor], source: str) -> dict[str, Tensor]:
    """The authors' DINOv3 file for a model of timm that leaves out the attention's biases, as all of them are 0.

    The middle third, for the keys, is masked in the authors' network, whatever the file holds.
    """
    biases = [name for name in tensors if name.endswith("attn.qkv.bias")]
    if any(third.any() for name in biases for third in tensors[name].chunk(3)[::2]):
        raise BadWeights(f"{source} do not fit: the attention has biases. Use the model with _dinov3_qkvb in its name.")
    return {name: tensor for name, tensor in tensors.items() if name not in biases}
