"""What a class of objects is, and the register that the files of `things/` enter theirs in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from .kit import Kit

Place = Literal["wall", "middle", "floor", "hung", "top", "shell"]
"""Where a thing stands: its back to a wall, in the middle, anywhere on the floor, on a wall, on another thing."""

Draw = Callable[[Kit], None]


@dataclass(frozen=True)
class Kind:
    """A class of objects."""

    name: str  # ScanNet's raw category where there is one
    nyu40: int  # 1..40
    place: Place
    colours: tuple[str, ...]  # words to draw from; none: no single colour word is true
    materials: tuple[str, ...]
    rare: bool  # planted: stands in one scene of a set
    draw: Draw
    taught: bool = True  # whether an encoder may be trained on it; the others are for tests alone


KINDS: dict[str, Kind] = {}


def kind(
    name: str,
    nyu40: int,
    place: Place,
    colours: str = "",
    materials: str = "",
    rare: bool = False,
    taught: bool = True,
) -> Callable[[Draw], Draw]:
    """Enter a class; the decorated function draws one of it. Words are separated by spaces."""

    def enter(draw: Draw) -> Draw:
        KINDS[name] = Kind(name, nyu40, place, tuple(colours.split()), tuple(materials.split()), rare, draw, taught)
        return draw

    return enter
