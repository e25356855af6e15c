"""What stands on desks and hangs in offices."""

from dataclasses import replace

import numpy as np

from .. import shapes
from ..kinds import kind
from ..kit import Kit


@kind("monitor", 40, "top", "black white gray", "plastic")
def monitor(kit: Kit) -> None:
    width, height = kit.between(0.50, 0.60), kit.between(0.31, 0.35)
    kit.box((0, 0, 0.01), (0.24, 0.18, 0.02))
    kit.box((0, 0.03, 0.09), (0.05, 0.03, 0.16))
    kit.box((0, 0, 0.14 + height / 2), (width, 0.035, height))
    _lit(kit, "screen", (0, -0.0185, 0.155), width - 0.03, height - 0.03)


def _lit(kit: Kit, texture: str, at: tuple[float, float, float], width: float, height: float) -> None:
    """A lit panel that looks to the front, its lower edge at `at`; the picture counts from the object's own z = 0."""
    look = replace(kit.surface("blue", "glass"), texture=texture, scale=(at[2] + height))
    kit.box((at[0], at[1], at[2] + height / 2), (width, 0.003, height), look)


@kind("tv", 25, "top", "black", "plastic")
def tv(kit: Kit) -> None:
    width = kit.between(0.9, 1.1)
    height = width * 0.58
    kit.box((0, 0, 0.01), (0.45, 0.2, 0.02))
    kit.box((0, 0.02, 0.06), (0.08, 0.04, 0.1))
    kit.box((0, 0, 0.09 + height / 2), (width, 0.045, height))
    _lit(kit, "film", (0, -0.024, 0.11), width - 0.04, height - 0.04)


@kind("laptop", 40, "top", "gray black white", "metal")
def laptop(kit: Kit) -> None:
    kit.box((0, 0, 0.011), (0.34, 0.24, 0.018))
    cap = replace(kit.surface("gray", "plastic"), texture="keys", accent=(0.1, 0.1, 0.11), scale=0.022)
    kit.box((0, 0.02, 0.0205), (0.30, 0.13, 0.002), cap)
    kit.box((0, -0.085, 0.0205), (0.10, 0.05, 0.001), kit.main.darker(0.75))
    kit.box((0, 0.155, 0.125), (0.34, 0.012, 0.225), turn=(-15, 0, 0))
    look = replace(kit.surface("blue", "glass"), texture="screen", scale=0.24)
    kit.box((0, 0.148, 0.127), (0.32, 0.003, 0.20), look, turn=(-15, 0, 0))


@kind("keyboard", 40, "top", "black white gray", "plastic")
def keyboard(kit: Kit) -> None:
    kit.box((0, 0, 0.009), (0.44, 0.15, 0.018))
    accent = (0.85, 0.85, 0.85) if kit.colour == "black" else (0.25, 0.25, 0.27)
    kit.box((0, 0, 0.019), (0.42, 0.13, 0.004), replace(kit.main, texture="keys", accent=accent, scale=0.026))


@kind("mouse", 40, "top", "black white gray red", "plastic")
def mouse(kit: Kit) -> None:
    kit.ball((0, 0, 0.004), (0.033, 0.055, 0.034))
    kit.box((0, -0.025, 0.033), (0.004, 0.03, 0.012), kit.surface("gray", "rubber"))


@kind("telephone", 40, "top", "black red white beige", "plastic")
def telephone(kit: Kit) -> None:
    kit.add(shapes.prism([(-0.1, -0.1), (0.1, -0.1), (0.08, 0.1), (-0.08, 0.1)], 0.06), kit.main)
    kit.turned([(0.055, 0.061), (0.05, 0.068), (0, 0.068)], kit.surface("white", "plastic"), (0, -0.03, 0))
    for angle in np.arange(10) * 2 * np.pi / 10:
        dial = (0.036 * np.cos(angle), -0.03 + 0.036 * np.sin(angle), 0.067)
        kit.cylinder(dial, 0.008, 0.003, kit.surface("black", "plastic"))
    kit.bent(
        [(-0.11, 0.05, 0.09), (-0.09, 0.05, 0.115), (0.09, 0.05, 0.115), (0.11, 0.05, 0.09)],
        [0.026, 0.018, 0.018, 0.026],
    )


@kind("printer", 40, "top", "white black gray", "plastic")
def printer(kit: Kit) -> None:
    dark = kit.surface("black", "plastic")
    kit.box((0, 0, 0.11), (0.44, 0.36, 0.22))
    kit.box((0, -0.182, 0.09), (0.32, 0.01, 0.07), dark)
    kit.box((0, -0.22, 0.055), (0.28, 0.12, 0.012), kit.surface("white", "paper").darker(1.05))
    kit.box((0.14, -0.1, 0.224), (0.12, 0.1, 0.012), dark)
    kit.box((0, 0.15, 0.27), (0.28, 0.02, 0.14), kit.surface("white", "paper"), (-15, 0, 0))


@kind("whiteboard", 30, "hung", "white", "plastic")
def whiteboard(kit: Kit) -> None:
    width, height = kit.between(1.1, 1.4), kit.between(0.75, 0.9)
    frame = kit.surface("gray", "metal")
    kit.box((0, 0, height / 2), (width, 0.02, height))
    for x in (-1, 1):
        kit.box((x * width / 2, -0.004, height / 2), (0.025, 0.03, height + 0.02), frame)
    for z in (0, height):
        kit.box((0, -0.004, z), (width, 0.03, 0.025), frame)
    kit.box((0, -0.04, 0), (width * 0.6, 0.07, 0.012), frame)
    ink = [kit.surface(word, "plastic") for word in ("blue", "red", "black")]
    for k in range(9):
        long = kit.between(0.1, 0.35) * width
        place = (-0.40 * width + long / 2 + (0.45 * width if k % 3 == 2 else 0), -0.011, height * (0.85 - 0.075 * k))
        kit.box(place, (long, 0.004, 0.016), ink[k % 3])


@kind("speaker", 40, "top", "black white brown red", "wooden")
def speaker(kit: Kit) -> None:
    kit.box((0, 0, 0.16), (0.19, 0.18, 0.32))
    dark, pale = kit.surface("black" if kit.colour != "black" else "gray", "rubber"), kit.surface("gray", "metal")
    for z, radius in ((0.11, 0.065), (0.24, 0.04)):
        kit.add(shapes.torus(radius, 0.01), pale, (0, -0.09, z), (90, 0, 0))
        kit.ball((0, -0.088, z), (radius, 0.012, radius), dark)


@kind("headphones", 40, "top", "black white red blue pink", "plastic")
def headphones(kit: Kit) -> None:
    angle = np.linspace(0, np.pi, 11)
    kit.bent(np.c_[0.085 * np.cos(angle), np.zeros(11), 0.05 + 0.12 * np.sin(angle)], 0.011)
    for x in (-1, 1):
        kit.ball((x * 0.082, 0, 0.045), (0.026, 0.045, 0.045), kit.main.darker(0.8))
        kit.ball((x * 0.062, 0, 0.045), (0.018, 0.04, 0.04), kit.surface("gray", "leather"))


@kind("fan", 40, "top", "white black blue turquoise", "plastic")
def fan(kit: Kit) -> None:
    steel = kit.surface("gray", "metal")
    kit.turned([(0, 0), (0.10, 0), (0.09, 0.02), (0.02, 0.04), (0.018, 0.2), (0, 0.2)])
    kit.ball((0, 0.04, 0.28), (0.05, 0.07, 0.05))
    for radius in (0.14, 0.10, 0.06):
        for y in (-0.05, 0.01):
            kit.add(shapes.torus(radius, 0.004), steel, (0, y, 0.28), (90, 0, 0))
    for k in range(4):
        kit.ball((0, -0.02, 0.28), (0.12, 0.006, 0.035), kit.main.darker(0.9), (20, 45 * k, 0))
