"""LSeg: per-pixel features in the space of a CLIP text tower, from the checkpoints of its authors.

    ovstore ingest scannet scans/ --encoder lseg --weights demo_e200.ckpt
    ovstore ingest scannet scans/ --encoder lseg --weights demo_e200.ckpt --mode evaluate

`extract` is how the per-pixel features are made that OpenScene fuses: the picture at twice `long_side`, padded with
black to a square, plus its mirror image, gives features at `long_side`. `evaluate` is lang-seg's own evaluator: six
scales, sliding windows, each also mirrored; dozens of times slower. `openscene` is `extract` at each picture's own
size, as OpenScene's script is to be called. The original keeps the sum of both mirror images,
whose length (up to 2) says how well they agree: --no-unit keeps it too.

Some checkpoints were trained with a block on the scores of labels (--arch_option 1 or 2 of the original). It belongs to
label maps, not to embeddings: `ovstore extract --labels` applies it.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from ...core.errors import BadInput
from ...core.features import EmbeddingSpace, FeatureMap
from ..devices import batches, device_of, images_fitting, lowered, precision_of, require_precision, to_device
from ..everyday import EVERYDAY
from ..lseg.checkpoint import PUBLISHED_AT, USUAL_NAMES, LSegCheckpoint, read_lseg
from ..lseg.head_block import ACTIVATIONS, BOTTLENECK, DEPTHWISE, Activation, HeadSettings
from ..lseg.multi_scale import Windows, both_ways, evaluate, padded
from ..openclip.text import text_encoder, tokenizer_of
from ..prompts import templates_of
from ..safe_load import sha256_of
from ..weights_files import find_weights
from ._images import checked_image
from ._options import TEMPLATES, require_long_side

log = logging.getLogger(__name__)

_LONG_SIDE = {"extract": 320, "evaluate": 520, "openscene": 0}
_STRIDE = 32  # of the coarsest level
_LOGIT_SCALE = 1 / 0.07  # a constant of the original
_OUT_SIDE = 640  # pixels of the longer side of what the evaluator hands over, at most
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


@dataclass(frozen=True)
class Options:
    """What decides the numbers."""

    weights: str = field(
        default="", metadata={"help": "an LSeg checkpoint; empty: demo_e200.ckpt in the folder OVSTORE_WEIGHTS"}
    )
    mode: Literal["extract", "evaluate", "openscene"] = field(
        default="extract",
        metadata={"help": "extract: once; evaluate: at six scales in windows; openscene: once, at each image's size"},
    )
    long_side: int = field(
        default=0,
        metadata={
            "help": "pixels of the longer side of the features; 0: 320, for evaluate 520 at scale 1, for openscene "
            "the image's own"
        },
    )
    tight: bool = field(
        default=False, metadata={"help": "pad to multiples of 32 only, not to a square: a third faster, other numbers"}
    )
    unit: bool = field(default=True, metadata={"help": "unit length; off: the sums that the original writes"})
    templates: str = field(default="plain", metadata=TEMPLATES)
    precision: str = field(default="auto", metadata={"help": "float32, float16, bfloat16; auto: bfloat16 on CUDA"})
    arch_option: int = field(
        default=0,
        metadata={
            "help": "for label maps: the head block of the checkpoint, 1 bottleneck or 2 depthwise; 0: as the file "
            "says",
            "recipe": False,
        },
    )
    block_depth: int = field(
        default=0, metadata={"help": "for label maps: how often the head block is applied, as trained", "recipe": False}
    )
    activation: Activation = field(
        default="lrelu",
        metadata={"help": "for label maps: the activation between applications of the head block", "recipe": False},
    )

    def __post_init__(self) -> None:
        if self.arch_option not in (0, BOTTLENECK, DEPTHWISE) or not 0 <= self.block_depth < 100:
            raise BadInput(
                f"arch_option is {self.arch_option}, block_depth {self.block_depth}; 0, 1 or 2, and 0 to 99 were "
                "expected."
            )
        if self.activation not in ACTIVATIONS:
            raise BadInput(f"activation is {self.activation!r}; one of {', '.join(ACTIVATIONS)} was expected.")
        if self.mode not in _LONG_SIDE:
            raise BadInput(f"mode is {self.mode!r}; one of {', '.join(_LONG_SIDE)} was expected.")
        require_long_side(self.long_side)
        require_precision(self.precision)
        templates_of(self.templates)


def space(options: Options) -> EmbeddingSpace:
    """Named lseg/FILE, with the digest of the checkpoint."""
    path = weights_file(options)
    return EmbeddingSpace(f"lseg/{path.stem}", read_lseg(path).dim, sha256_of(path), _LOGIT_SCALE)


def load_image_encoder(
    options: Options, device: str = "auto"
) -> Callable[[Sequence[NDArray[np.uint8]]], list[FeatureMap]]:
    """Pictures of any size to maps of `long_side` cells along the longer side, for `openscene` of their own size."""
    where = device_of(device)
    embedding_space = space(options)
    checkpoint = read_lseg(weights_file(options))
    if checkpoint.head:
        log.warning("%s has a head block, which is for label maps and has no part in features", checkpoint.path)
    forward = _forward(checkpoint, where, precision_of(options.precision, where, torch.bfloat16))
    long_side = options.long_side or _LONG_SIDE[options.mode]

    def enlarged(image: NDArray[np.uint8]) -> Tensor:
        return _enlarged(_pixels(image), long_side, options.tight)

    def extracted(images: Sequence[NDArray[np.uint8]]) -> dict[int, Tensor]:
        values: dict[int, Tensor] = {}
        for positions, pixels in batches(images, enlarged, together=where.type == "cuda"):
            for position, found in zip(positions, both_ways(forward, to_device(pixels, where)), strict=True):
                height, width = _size(images[position].shape, long_side)
                values[position] = found[:, :height, :width]
        return values

    def evaluated(image: NDArray[np.uint8]) -> Tensor:
        pixels = to_device(_pixels(image), where)
        height, width = pixels.shape[1:]
        out = (height, width) if max(height, width) <= _OUT_SIDE else _size((height, width), _OUT_SIDE)
        return evaluate(pixels, lambda window: _twice(forward(window)), Windows(base=long_side), out)

    @images_fitting(where)
    def encode(images: Sequence[NDArray[np.uint8]]) -> list[FeatureMap]:
        with torch.inference_mode():
            if options.mode == "evaluate":
                values = {position: evaluated(image) for position, image in enumerate(images)}
            else:
                values = extracted(images)
            if options.unit:
                values = {position: F.normalize(value, dim=0) for position, value in values.items()}
            return [FeatureMap(embedding_space, _on_host(values[position])) for position in range(len(images))]

    return encode


def load_text_encoder(options: Options, device: str = "auto") -> Callable[[Sequence[str]], NDArray[np.float32]]:
    """The frozen CLIP text tower inside the checkpoint."""
    checkpoint = read_lseg(weights_file(options))
    tokenize = tokenizer_of("ViT-B-32")  # every CLIP of OpenAI has the same
    return text_encoder(checkpoint.text_tower(), checkpoint.dim, tokenize, options.templates, device)


def load_label_head(options: Options) -> Callable[[NDArray[np.float32]], NDArray[np.float32]] | None:
    """(h, w, L) cosines with L labels to scores of these labels, by the head block; None for a file without one."""
    checkpoint = read_lseg(path := weights_file(options))
    if not checkpoint.head:
        if options.arch_option:
            raise BadInput(f"{path} has no head block: leave --arch-option out.")
        return None
    settings = checkpoint.head_settings
    if options.arch_option:
        settings = HeadSettings(options.arch_option, options.block_depth, options.activation)
    if not settings.arch_option:
        raise BadInput(
            f"{path} has a head block, but does not record its kind: give --arch-option 1 (bottleneck) or 2 "
            "(depthwise), --block-depth and --activation, as it was trained."
        )
    block = checkpoint.head_block(settings)

    def head(cosines: NDArray[np.float32]) -> NDArray[np.float32]:
        scores = torch.from_numpy(np.ascontiguousarray(cosines, np.float32)).permute(2, 0, 1)[None] * _LOGIT_SCALE
        with torch.inference_mode():
            found: NDArray[np.float32] = block(scores)[0].permute(1, 2, 0).contiguous().numpy()
        return found

    return head


def background_texts(options: Options) -> tuple[str, ...]:
    """Everyday things, and the words for no thing in particular."""
    return EVERYDAY


def weights_file(options: Options) -> Path:
    """The checkpoint."""
    return find_weights(options.weights, USUAL_NAMES, PUBLISHED_AT)


def _forward(checkpoint: LSegCheckpoint, where: torch.device, precision: torch.dtype) -> Callable[[Tensor], Tensor]:
    """Pixels from 0 to 1, (B, 3, H, W), to unit embeddings (B, dim, H / 2, W / 2)."""
    network = checkpoint.network().to(where)
    mean, deviation = (
        torch.tensor(values, device=where).view(1, 3, 1, 1)
        for values in (_IMAGENET if checkpoint.convolutional else _HALF)
    )

    def forward(pixels: Tensor) -> Tensor:
        with lowered(where, precision):
            values: Tensor = network((pixels - mean) / deviation)
        return values.float()

    return forward


def _pixels(image: NDArray[np.uint8]) -> Tensor:
    """(3, H, W) from 0 to 1."""
    return torch.from_numpy(np.ascontiguousarray(checked_image(image).transpose(2, 0, 1))).float() / 255


def _size(shape: Sequence[int], long_side: int) -> tuple[int, int]:
    """(height, width) of a picture (height, width, ...) with `long_side` along the longer side; 0: as it is."""
    height, width = shape[:2]
    longer = max(height, width)
    long_side = long_side or longer
    return max(1, int(height * long_side / longer + 0.5)), max(1, int(width * long_side / longer + 0.5))


def _enlarged(pixels: Tensor, long_side: int, tight: bool) -> Tensor:
    """The picture at twice the size of its features, padded so that the network takes it."""
    height, width = (2 * side for side in _size(pixels.shape[1:], long_side))
    if max(height, width) >= max(pixels.shape[1:]):
        resized = F.interpolate(pixels[None], size=(height, width), mode="bilinear", align_corners=True)[0]
    else:
        resized = F.interpolate(pixels[None], size=(height, width), mode="bilinear", antialias=True)[0]
    square = max(height, width)
    return padded(resized, *(-(-(side if tight else square) // _STRIDE) * _STRIDE for side in (height, width)))


def _twice(values: Tensor) -> Tensor:
    return F.interpolate(values, scale_factor=2, mode="bilinear", align_corners=True)


def _on_host(values: Tensor) -> NDArray[np.float16]:
    """(C, h, w) on the device to (h, w, C) in memory."""
    found: NDArray[np.float16] = values.permute(1, 2, 0).half().contiguous().cpu().numpy()
    return found
