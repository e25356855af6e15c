"""What each room of ovstore-bench-2 is, and which kinds each of its houses holds.

A house is 24 rooms that are searched together. Of one pool of kinds, chance puts 24 into a house, one into each room;
the other kinds are absent from it. So the same words are asked on both sides, and no word is easier on one of them.
"""

from dataclasses import dataclass

import numpy as np

from ..pairs import LOOKALIKES, TWINS, some
from ..programme import PROGRAMMES

VERSION = "ovstore-bench-2"
SEED, HOUSES, ROOMS = 2026, 9, 24

TAUGHT = (
    "snoopy", "rubber duck", "globe", "cactus", "fire hydrant", "traffic cone", "piggy bank", "trophy", "pumpkin",
    "toy rocket", "toy robot", "telescope", "apple", "banana", "mouse", "toy car", "alarm clock", "telephone",
    "toaster", "headphones", "teddy bear", "fan", "guitar", "umbrella", "football", "shoe", "bucket", "kettle",
    "suitcase", "backpack", "laptop", "microwave", "basket", "printer", "candle", "bag", "pot", "potted plant",
)  # fmt: skip
UNTAUGHT = ("hourglass", "birdhouse", "chess board", "drum", "skateboard")
"""What `tiny` was never trained on: it has no words for these, so that it is asked for them by picture alone."""
POOL = (*TAUGHT, *UNTAUGHT)

_POINTS = (40, 80, 160, 400, 1000)  # about which a needle has on the mesh at most, by turns
_SPACINGS = (0.05, 0.065, 0.08)  # metres between the points of a scan, by turns
_TWINS, _LOOKALIKES = 2 / 3, 1 / 2  # of the rooms have touching twins, and a lookalike


@dataclass(frozen=True)
class Bench2Room:
    """One room before it is made."""

    name: str
    seed: tuple[int, int]
    house: int
    scene_type: str
    planted: str  # its needle
    points: int  # that the needle is to have, about
    spacing: float  # metres
    twins: tuple[str, ...]
    lookalikes: tuple[tuple[str, str], ...]


def bench2_plan() -> tuple[Bench2Room, ...]:
    """All rooms, house by house."""
    rng = np.random.default_rng([SEED, 2_147_483_647])
    rooms = []
    for house in range(HOUSES):
        held = some(POOL, ROOMS, rng)
        types = [PROGRAMMES[k].scene_type for k in rng.permutation(len(PROGRAMMES))]
        turns = rng.permutation(ROOMS)
        for place, (planted, turn) in enumerate(zip(held, turns.tolist(), strict=True)):
            number = house * ROOMS + place
            rooms.append(
                Bench2Room(
                    f"scene{number:04d}_00",
                    (SEED, number),
                    house,
                    types[place % len(types)],
                    planted,
                    _POINTS[turn % len(_POINTS)],
                    _SPACINGS[turn % len(_SPACINGS)],
                    some(TWINS, int(rng.random() < _TWINS), rng),
                    some(LOOKALIKES, int(rng.random() < _LOOKALIKES), rng),
                )
            )
    return tuple(rooms)


def absent_kinds(rooms: tuple[Bench2Room, ...], house: int) -> tuple[str, ...]:
    """The kinds of the pool that a house does not hold, in the pool's order."""
    held = {room.planted for room in rooms if room.house == house}
    return tuple(name for name in POOL if name not in held)
