"""Any open_clip model: dense features for pictures, one vector for a text, in the model's own space.

    ovstore ingest scannet scans/ --encoder openclip --model ViT-B-16 --weights laion2b_s34b_b88k
    ovstore ingest scannet scans/ --encoder openclip --model ViT-B-16-SigLIP2 --weights siglip2.safetensors

`weights` is a published tag, which open_clip downloads into its own cache, or a file (.safetensors, .pt, .bin).
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from ...store.errors import BadInput, BadWeights, MissingPackage
from ...store.features import EmbeddingSpace, FeatureMap
from ..everyday import EVERYDAY
from ..openclip_dense import dense, stride
from ..openclip_hub import hub_or_cache
from ..openclip_images import Window, grid_of, stitch, to_pixels, windows
from ..openclip_model import Checkpoint, build_text, build_visual, find_checkpoint, logit_scale
from ..prompts import fill, templates_of
from ..safe_load import sha256_of
from ..weights_files import named_weights
from ._images import checked_image

_BATCH_PIXELS = 4_000_000  # of one batch on CUDA: 13 pictures of 640x480
_PRECISIONS = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
_TEXTS_AT_ONCE = 256


@dataclass(frozen=True)
class Options:
    """What decides the numbers."""

    model: str = field(default="ViT-B-16", metadata={"help": "an open_clip model name"})
    weights: str = field(
        default="laion2b_s34b_b88k", metadata={"help": "a published tag, or a file (also by name in OVSTORE_WEIGHTS)"}
    )
    tag: str = field(default="", metadata={"help": "which published weights a local file holds"})
    long_side: int = field(default=640, metadata={"help": "pixels of the longer side that the network sees; 0: all"})
    window: int = field(default=0, metadata={"help": "pixels of a sliding window; 0: the whole picture at once"})
    overlap: float = field(default=0.25, metadata={"help": "share of a window that its neighbour sees too"})
    residual: bool = field(default=False, metadata={"help": "keep the last block's skip connection and MLP"})
    templates: str = field(
        default="ensemble", metadata={"help": "plain, photo, openscene, ensemble, or 'a {} here|the {}'"}
    )
    precision: str = field(default="auto", metadata={"help": "float32, float16, bfloat16; auto: float16 on CUDA"})

    def __post_init__(self) -> None:
        if self.long_side < 0 or self.window < 0:
            raise BadInput(f"long_side {self.long_side} and window {self.window} are pixels, 0 or more.")
        if not 0 <= self.overlap < 1:
            raise BadInput(f"overlap is {self.overlap}; a share from 0 to below 1 was expected.")
        if self.precision not in {"auto", *_PRECISIONS}:
            raise BadInput(f"precision is {self.precision!r}: auto, {', '.join(_PRECISIONS)}.")
        templates_of(self.templates)


def space(options: Options) -> EmbeddingSpace:
    """Named openclip/MODEL/WEIGHTS, with the digest of the weights file."""
    return space_of(_checkpoint(options), f"openclip/{options.model}/{_weights_name(options)}")


def load_image_encoder(
    options: Options, device: str = "auto"
) -> Callable[[Sequence[NDArray[np.uint8]]], list[FeatureMap]]:
    """The image tower alone, as a function of pictures."""
    checkpoint = _checkpoint(options)
    return image_encoder(checkpoint, space(options), options, device, checkpoint.image_size)


def load_text_encoder(options: Options, device: str = "auto") -> Callable[[Sequence[str]], NDArray[np.float32]]:
    """The text tower alone, as a function of texts; each text is the mean over the templates."""
    checkpoint = _checkpoint(options)
    return text_encoder(checkpoint, tokenizer_of(checkpoint), options.templates, device)


def background_texts(options: Options) -> tuple[str, ...]:
    """Everyday things, and the words for no thing in particular."""
    return EVERYDAY


def space_of(checkpoint: Checkpoint, name: str) -> EmbeddingSpace:
    """The space of a checkpoint under a name of its own."""
    return EmbeddingSpace(name, checkpoint.dim, sha256_of(checkpoint.path), logit_scale(checkpoint))


def image_encoder(
    checkpoint: Checkpoint, embedding_space: EmbeddingSpace, options: Options, device: str, smallest: int
) -> Callable[[Sequence[NDArray[np.uint8]]], list[FeatureMap]]:
    """Pictures to maps; those below `smallest` pixels grow to it.

    On the CPU pictures go one at a time: sums then never depend on what else is in the batch.
    """
    where = _device(device)
    visual = build_visual(checkpoint).to(where)
    cell = stride(visual)
    precision = _precision(options.precision, where)

    def pixels_of(image: NDArray[np.uint8]) -> Tensor:
        height, width = checked_image(image).shape[:2]
        grid = grid_of(height, width, options.long_side, smallest, cell)
        return to_pixels(image, grid, cell, checkpoint.mean, checkpoint.std, checkpoint.interpolation)

    def run(pixels: Tensor) -> Tensor:
        """(B, 3, H, W) to (B, h, w, dim), both on the device."""
        if not options.window:
            return _forward(visual, pixels, options.residual, precision)
        grid = (pixels.shape[2] // cell, pixels.shape[3] // cell)
        parts = windows(grid, math.ceil(options.window / cell), options.overlap)
        return torch.stack([stitch(grid, _window_values(parts, picture)) for picture in pixels])

    def _window_values(parts: list[Window], picture: Tensor) -> Iterator[tuple[Window, Tensor]]:
        at_once = max(1, _BATCH_PIXELS // (parts[0].height * parts[0].width * cell**2)) if where.type == "cuda" else 1
        for i in range(0, len(parts), at_once):
            some = parts[i : i + at_once]
            cut = [
                picture[:, w.top * cell : (w.top + w.height) * cell, w.left * cell : (w.left + w.width) * cell]
                for w in some
            ]
            yield from zip(some, _forward(visual, torch.stack(cut), options.residual, precision), strict=True)

    def encode(images: Sequence[NDArray[np.uint8]]) -> list[FeatureMap]:
        maps: dict[int, FeatureMap] = {}
        for positions, pixels in _batches(images, pixels_of, together=where.type == "cuda"):
            if where.type == "cuda":
                pixels = pixels.pin_memory().to(where, non_blocking=True)
            with torch.inference_mode():
                values = F.normalize(run(pixels).float(), dim=-1).half().cpu().numpy()
            for position, value in zip(positions, values, strict=True):
                maps[position] = FeatureMap(embedding_space, value)
        return [maps[i] for i in range(len(images))]

    return encode


def text_encoder(
    checkpoint: Checkpoint, tokenize: Callable[[list[str]], Tensor], templates: str, device: str
) -> Callable[[Sequence[str]], NDArray[np.float32]]:
    """Texts to unit rows, the mean of their filled templates."""
    where = _device(device)
    text_tower = build_text(checkpoint).to(where)
    patterns = templates_of(templates)

    @torch.inference_mode()
    def vectors_of(sentences: list[str]) -> Tensor:
        parts = [sentences[i : i + _TEXTS_AT_ONCE] for i in range(0, len(sentences), _TEXTS_AT_ONCE)]
        return torch.cat([F.normalize(text_tower(tokenize(part).to(where)).float(), dim=-1) for part in parts])

    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        if any(not text.strip() for text in texts):
            raise BadInput("A text to search for is empty; type a word or a sentence.")
        if not texts:
            return np.zeros((0, checkpoint.dim), np.float32)
        sentences = [fill(pattern, text) for text in texts for pattern in patterns]
        mean = vectors_of(sentences).reshape(len(texts), len(patterns), -1).mean(dim=1)
        return F.normalize(mean, dim=-1).cpu().numpy()

    return encode


def tokenizer_of(checkpoint: Checkpoint) -> Callable[[list[str]], Tensor]:
    """The tokenizer that open_clip names for the model."""
    try:
        with hub_or_cache():
            tokenize: Callable[[list[str]], Tensor] = open_clip.get_tokenizer(checkpoint.tokenizer_of)
    except ModuleNotFoundError as error:
        raise MissingPackage(
            f"The tokenizer of {checkpoint.tokenizer_of} needs the package {error.name!r}: pip install {error.name}."
        ) from error
    except (OSError, ValueError) as error:
        raise BadWeights(
            f"The tokenizer of {checkpoint.tokenizer_of} could not be loaded; without a network, put the model's "
            f"open_clip_config.json and tokenizer files beside the weights."
        ) from error
    return tokenize


def _forward(visual: nn.Module, pixels: Tensor, residual: bool, precision: torch.dtype) -> Tensor:
    lower = precision != torch.float32
    with torch.autocast(pixels.device.type, dtype=precision if lower else None, enabled=lower):
        return dense(visual, pixels, residual)


def _batches(
    images: Sequence[NDArray[np.uint8]], pixels_of: Callable[[NDArray[np.uint8]], Tensor], together: bool
) -> Iterator[tuple[list[int], Tensor]]:
    """Positions and stacked pixels; `together` puts pictures of equal size into one batch."""
    waiting: dict[tuple[int, ...], list[tuple[int, Tensor]]] = {}
    for position, image in enumerate(images):
        pixels = pixels_of(image)
        same = waiting.setdefault(tuple(pixels.shape), [])
        same.append((position, pixels))
        if not together or (len(same) + 1) * pixels.shape[1] * pixels.shape[2] > _BATCH_PIXELS:
            del waiting[tuple(pixels.shape)]
            yield [i for i, _ in same], torch.stack([p for _, p in same])
    for same in waiting.values():
        yield [i for i, _ in same], torch.stack([p for _, p in same])


def _checkpoint(options: Options) -> Checkpoint:
    return find_checkpoint(options.model, options.weights, options.tag)


def _weights_name(options: Options) -> str:
    path = named_weights(options.weights)
    return options.tag or (path.stem if path is not None and path.is_file() else options.weights)


def _device(device: str) -> torch.device:
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise BadInput("device is 'cuda', but PyTorch sees no CUDA device here; use 'cpu' or 'auto'.")
    try:
        return torch.device(device)
    except RuntimeError as error:
        raise BadInput(f"device is {device!r}: auto, cpu or cuda was expected.") from error


def _precision(option: str, device: torch.device) -> torch.dtype:
    if option != "auto":
        return _PRECISIONS[option]
    return torch.float16 if device.type == "cuda" else torch.float32
