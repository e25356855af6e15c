"""Two things side by side that touch, and things that look like others, on purpose."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from .catalogue import make
from .kinds import KINDS
from .kit import Thing

T = TypeVar("T")

TWINS = (
    "chair", "stool", "armchair", "ottoman", "nightstand", "dresser", "box", "trash can", "bottle", "mug", "bowl",
    "book", "pillow", "vase", "speaker", "lamp",
)  # fmt: skip
"""Kinds of which two often stand side by side."""

LOOKALIKES = (
    ("ball", "apple"), ("ball", "pumpkin"), ("ball", "rubber duck"), ("ball", "globe"), ("ball", "football"),
    ("trash can", "bucket"), ("box", "suitcase"), ("box", "microwave"), ("bowl", "pot"), ("vase", "trophy"),
    ("vase", "kettle"), ("bottle", "cactus"), ("bottle", "toy car"), ("book", "laptop"), ("toilet paper", "candle"),
    ("ottoman", "backpack"),
)  # fmt: skip
"""A kind, and the kind whose colour and size it may take on."""


@dataclass(frozen=True)
class Pair(Thing):
    """Two things side by side, placed as one; the second stands to the first's right (+x) and touches it."""

    members: tuple[tuple[Thing, float], ...] = ()  # and metres along x from the middle of both


def side_by_side(left: Thing, right: Thing) -> Pair:
    """Two things whose boxes share a face; their backs are in one plane."""
    (left_low, left_high), (right_low, right_high) = left.bounds, right.bounds
    width = float(left_high[0] - left_low[0] + right_high[0] - right_low[0])
    members = ((left, -width / 2 - float(left_low[0])), (right, width / 2 - float(right_high[0])))
    parts = tuple(
        replace(part, mesh=part.mesh.moved(np.eye(3), (along, 0, 0)))
        for thing, along in members
        for part in thing.parts
    )
    return Pair(left.label, left.colour, left.material, parts, (), members)


def twins(name: str, rng: np.random.Generator) -> Pair:
    """Two of a kind that nothing but their places tells apart."""
    thing = make(name, rng)
    return side_by_side(thing, thing)


def lookalike(name: str, like: str, rng: np.random.Generator) -> Thing:
    """One of a kind in a colour and the size of a thing of the kind `like`."""
    common = [colour for colour in KINDS[name].colours if colour in KINDS[like].colours]
    colour = common[int(rng.integers(len(common)))] if common else None
    thing, other = make(name, rng, colour), make(like, rng, colour)
    return thing.scaled(_diagonal(other) / _diagonal(thing))


def some(of: Sequence[T], count: int, rng: np.random.Generator) -> tuple[T, ...]:
    """So many different ones, in the order they were drawn."""
    return tuple(of[k] for k in rng.permutation(len(of))[:count])


def _diagonal(thing: Thing) -> float:
    low, high = thing.bounds
    return float(np.linalg.norm(high - low))
