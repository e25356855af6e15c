"""The room itself: floor, ceiling, walls are made by room.py; here are the openings in the walls."""

from dataclasses import replace

from ..kinds import kind
from ..kit import Kit


@kind("door", 8, "hung", "brown white gray blue green red", "wooden")
def door(kit: Kit) -> None:
    width, height = kit.between(0.85, 0.95), kit.between(2.0, 2.1)
    kit.box((0, 0.0, height / 2), (width, 0.05, height))
    frame = kit.main.darker(0.75)
    for x in (-1, 1):
        kit.box((x * (width / 2 + 0.04), 0, height / 2), (0.08, 0.08, height), frame)
    kit.box((0, 0, height + 0.04), (width + 0.16, 0.08, 0.08), frame)
    for z in (0.28, 0.72):
        kit.box((0, -0.028, z * height), (width * 0.66, 0.01, height * 0.34), kit.main.darker(0.86))
    steel = kit.surface("gray", "metal")
    kit.ball((width / 2 - 0.08, -0.07, 1.0), (0.035, 0.03, 0.035), steel)
    kit.box((width / 2 - 0.08, -0.03, 1.0), (0.05, 0.02, 0.16), steel)


@kind("window", 9, "hung", "white brown gray", "wooden plastic")
def window(kit: Kit) -> None:
    width, height = kit.between(1.0, 1.5), kit.between(1.0, 1.2)
    view = replace(kit.surface("blue", "glass"), texture="sky")
    kit.box((0, 0.012, height / 2), (width, 0.016, height), view)
    for x in (-width / 2, 0, width / 2):
        kit.box((x, 0, height / 2), (0.06, 0.05, height + 0.06))
    for z in (0, height / 2 * 1.25, height):
        kit.box((0, 0, z), (width + 0.06, 0.05, 0.06))
    kit.box((0, -0.06, -0.03), (width + 0.2, 0.16, 0.03))
