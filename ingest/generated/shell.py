"""Floor, ceiling and walls: how they look, and the sheets they are."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from . import shapes
from .kit import Part, Thing
from .palette import COLOURS, Rgb, Surface, vary

_FLOORS = ("brown", "gray", "beige", "white", "red", "green", "blue")
_WALLS = ("white", "beige", "yellow", "blue", "green", "pink", "gray", "turquoise")


def floor_look(rng: np.random.Generator, textures: Sequence[str]) -> Surface:
    """Half way to gray: floors leave the strong colours to things."""
    look = _covering(rng, textures, _FLOORS, 0.18)
    gray = sum(look.rgb) / 3
    return replace(look, rgb=_towards(look.rgb, gray, 0.5))


def ceiling_look(rng: np.random.Generator) -> Surface:
    """Nearly white."""
    return Surface("plain", vary((0.93, 0.93, 0.91), rng))


def wall_look(rng: np.random.Generator, textures: Sequence[str]) -> Surface:
    """Pale, but for bricks."""
    look = _covering(rng, textures, _WALLS, 0.24)
    if look.texture == "bricks":
        return look
    return replace(look, rgb=_towards(look.rgb, 0.95, 0.5), accent=_towards(look.rgb, 0.95, 0.72))


def sheet(label: str, look: Surface, width: float, height: float, tilt: float) -> Thing:
    """A rectangle: 0 lies and looks up, 180 lies and looks down, 90 stands on z = 0 and looks to the front."""
    x, y = width / 2, height / 2
    mesh = shapes.flat([(-x, -y, 0), (x, -y, 0), (x, y, 0), (-x, y, 0)], [(0, 1, 2), (0, 2, 3)])
    moved = mesh.moved(shapes.rotation((tilt, 0, 0)), (0, 0, height / 2 if tilt == 90 else 0))
    return Thing(label, None, None, (Part(moved, look),), ())


def _covering(rng: np.random.Generator, textures: Sequence[str], colours: Sequence[str], scale: float) -> Surface:
    texture = textures[int(rng.integers(len(textures)))]
    colour = colours[int(rng.integers(len(colours)))]
    if texture == "planks":
        colour, scale = ("brown", "beige")[int(rng.integers(2))], 0.12
    if texture == "bricks":
        colour = ("red", "brown", "beige")[int(rng.integers(3))]
    if texture == "checker":
        scale = 0.3
    return Surface(texture, vary(COLOURS[colour], rng), vary((0.85, 0.84, 0.80), rng), scale, 3.0)


def _towards(rgb: Rgb, gray: float, share: float) -> Rgb:
    """A colour moved so far on its way to a gray."""
    red, green, blue = (channel + (gray - channel) * share for channel in rgb)
    return red, green, blue
