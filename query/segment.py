"""A picture's pixels named by words: its feature map is kept, so that other words cost no network."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..core.contracts import offers
from ..core.errors import BadInput
from ..core.once import Once
from ..models.encoders import HasLabelHead
from .encode import Encoder
from .towers import image_tower

MOST_LABELS = 255  # a label map has a byte per pixel
_KEPT = 4  # maps: 24 MB for 120x160 cells of 512 values, 80 MB for 240x320
_LONGEST = 2048  # pixels of a picture's longer side; networks see less than that


@dataclass(frozen=True, eq=False)
class Segmented:
    """Which of some labels each pixel of a picture fits best."""

    labels: tuple[str, ...]
    image: NDArray[np.uint8]  # (H, W, 3) RGB, upright, the longer side 2048 pixels at most
    label_map: NDArray[np.uint8]  # (H, W) the label's place in `labels`; ties: the first
    confidence: NDArray[np.float32]  # (H, W) 0 to 1: the share of that label in the softmax over all of them
    scores: NDArray[np.float32]  # (h, w, n) cosine per cell of the feature map and label, or what a label head gave
    logit_scale: float  # a softmax over `scores` times this is the probability of each label

    @cached_property
    def probabilities(self) -> NDArray[np.float32]:
        """(h, w, n) the softmax over labels, per cell of the feature map."""
        exponent = self.scores * self.logit_scale
        weight = np.exp(exponent - exponent.max(axis=2, keepdims=True))
        return np.asarray(weight / weight.sum(axis=2, keepdims=True), np.float32)

    @cached_property
    def shares(self) -> NDArray[np.float64]:
        """(n,) how much of the picture each label has."""
        counts = np.bincount(self.label_map.ravel(), minlength=len(self.labels))
        return counts / self.label_map.size

    def to_dict(self) -> dict[str, Any]:
        """Per label its share and mean confidence, as values that JSON has."""
        sums = np.bincount(self.label_map.ravel(), self.confidence.ravel(), len(self.labels))
        counts = np.bincount(self.label_map.ravel(), minlength=len(self.labels))
        return {
            "width": self.label_map.shape[1],
            "height": self.label_map.shape[0],
            "labels": [
                {
                    "label": label,
                    "share": float(share),
                    "confidence": float(total / count) if count else None,
                }
                for label, share, total, count in zip(self.labels, self.shares, sums, counts, strict=True)
            ],
        }


@dataclass(frozen=True)
class _Pictured:
    """A picture for an encoder, known by its digest."""

    encoder: Encoder
    digest: bytes
    image: NDArray[np.uint8] = field(compare=False, repr=False)


def segment(encoder: Encoder, image: NDArray[np.uint8], labels: tuple[str, ...]) -> Segmented:
    """Every pixel of (H, W, 3) by its best label; the words first, so that an unknown one costs no network."""
    _require(labels)
    vectors = encoder.texts(labels)
    image = fitted(image)
    found = _maps(_Pictured(encoder, hashlib.sha256(image.tobytes() + repr(image.shape).encode()).digest(), image))
    scores = np.asarray(found.values @ vectors.T, np.float32)
    head = _heads(encoder)
    if head is not None:
        scores = head(scores)
    label_map, confidence = _best(scores, encoder.space.logit_scale, image.shape[:2], found.sampling)
    return Segmented(labels, image, label_map, confidence, scores, encoder.space.logit_scale)


@dataclass(frozen=True)
class _Map:
    """What is kept of a picture."""

    values: NDArray[np.float32]  # (h, w, C) unit vectors; a cell without direction is zero
    sampling: str


def _unit_map(pictured: _Pictured) -> _Map:
    [found] = image_tower(pictured.encoder)([pictured.image])
    values = found.values.astype(np.float32)
    length = np.linalg.norm(values, axis=2, keepdims=True)
    values /= np.where(length > 0, length, 1)
    return _Map(values, found.sampling)


def _label_head(encoder: Encoder) -> Callable[[NDArray[np.float32]], NDArray[np.float32]] | None:
    offered = offers(encoder.plugin, HasLabelHead)
    return None if offered is None else offered.load_label_head(encoder.options)


_maps: "Once[_Pictured, _Map]" = Once(_unit_map, _KEPT)
_heads: "Once[Encoder, Callable[[NDArray[np.float32]], NDArray[np.float32]] | None]" = Once(_label_head, 2)


def _best(
    scores: NDArray[np.float32], logit_scale: float, size: tuple[int, ...], sampling: str
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """(H, W) the best label of each pixel, and its share in the softmax, one plane after the other."""
    height, width = size
    best = np.full((height, width), -np.inf, np.float32)
    total = np.zeros((height, width), np.float32)  # of exp(score - best)
    label_map = np.zeros((height, width), np.uint8)
    how = Image.Resampling.NEAREST if sampling == "nearest" else Image.Resampling.BILINEAR
    for row in range(scores.shape[2]):
        cells = Image.fromarray(np.ascontiguousarray(scores[:, :, row] * np.float32(logit_scale)))
        plane = np.asarray(cells.resize((width, height), how))
        better = plane > best
        higher = np.maximum(best, plane)
        with np.errstate(invalid="ignore"):
            total = total * np.exp(best - higher) + np.exp(plane - higher)
        label_map[better] = row
        best = higher
    return label_map, np.reciprocal(total)


def _require(labels: tuple[str, ...]) -> None:
    if not labels:
        raise BadInput("No labels were given; one or more were expected, such as grass, cat, stone.")
    if len(labels) > MOST_LABELS:
        raise BadInput(f"{len(labels):,} labels were given; at most {MOST_LABELS} are told apart.")
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise BadInput(f"The label {twice[0]!r} was given twice.")


def fitted(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture, its longer side 2048 pixels at most."""
    longest = max(image.shape[:2])
    if longest <= _LONGEST:
        return image
    size = [max(1, round(side * _LONGEST / longest)) for side in (image.shape[1], image.shape[0])]
    return np.asarray(Image.fromarray(image).resize((size[0], size[1]), Image.Resampling.LANCZOS))
