"""Things for tests of what an encoder was never taught: in no room by chance, and in no list of names."""

import numpy as np

from ..kinds import kind
from ..kit import Kit


@kind("hourglass", 40, "top", "brown white black", "wooden", taught=False)
def hourglass(kit: Kit) -> None:
    glass, sand = kit.surface("turquoise", "glass"), kit.surface("orange", "paper")
    for z in (0.0, 0.235):
        kit.cylinder((0, 0, z), 0.07, 0.015)
    for angle in np.arange(3) * 2 * np.pi / 3:
        place = 0.06 * np.cos(angle), 0.06 * np.sin(angle)
        kit.rod((*place, 0.01), (*place, 0.24), 0.007)
    kit.turned([(0, 0.015), (0.05, 0.02), (0.05, 0.06), (0.008, 0.12)], sand)
    kit.turned([(0.008, 0.12), (0.05, 0.18), (0.05, 0.23), (0, 0.235)], glass)


@kind("birdhouse", 40, "top", "red blue green yellow", "wooden", taught=False)
def birdhouse(kit: Kit) -> None:
    dark, roof = kit.surface("black", "paper"), kit.surface("brown", "wooden")
    kit.box((0, 0, 0.1), (0.16, 0.16, 0.2))
    for side in (-1, 1):
        kit.box((side * 0.055, 0, 0.25), (0.16, 0.22, 0.015), roof, (0, side * 45, 0))
    kit.ball((0, -0.08, 0.13), (0.03, 0.006, 0.03), dark)
    kit.rod((0, -0.08, 0.07), (0, -0.13, 0.07), 0.008, roof)


@kind("chess board", 40, "top", "brown", "wooden", taught=False)
def chess_board(kit: Kit) -> None:
    """With a few pieces on it."""
    kit.box((0, 0, 0.012), (0.36, 0.36, 0.024))
    light, dark = kit.surface("beige", "wooden"), kit.surface("black", "wooden")
    for row in range(8):
        for column in range(8):
            place = (column - 3.5) * 0.041, (row - 3.5) * 0.041
            kit.box((*place, 0.025), (0.041, 0.041, 0.002), light if (row + column) % 2 else dark)
            if row in (0, 7) and column % 2:
                kit.cylinder((*place, 0.026), 0.014, 0.06, light if row else dark, top=0.005)


@kind("drum", 40, "floor", "red blue green yellow", "plastic", taught=False)
def drum(kit: Kit) -> None:
    skin, steel = kit.surface("white", "leather"), kit.surface("gray", "metal")
    kit.cylinder((0, 0, 0), 0.2, 0.3)
    kit.cylinder((0, 0, 0.3), 0.195, 0.012, skin)
    for z in (0.01, 0.28):
        kit.turned([(0.205, z), (0.21, z + 0.01), (0.205, z + 0.02)], steel)
    for angle in np.arange(8) * np.pi / 4:
        place = 0.207 * np.cos(angle), 0.207 * np.sin(angle)
        kit.rod((*place, 0.03), (*place, 0.28), 0.006, steel)
    for side in (-1, 1):
        kit.rod((side * 0.03, -0.12, 0.322), (side * 0.1, 0.14, 0.322), 0.008, kit.surface("brown", "wooden"))


@kind("skateboard", 40, "floor", "purple orange turquoise pink", "wooden", taught=False)
def skateboard(kit: Kit) -> None:
    black, wheel = kit.surface("black", "rubber"), kit.surface("white", "plastic")
    kit.box((0, 0, 0.09), (0.2, 0.55, 0.015))
    kit.box((0, 0, 0.0985), (0.18, 0.54, 0.002), black)
    for end in (-1, 1):
        kit.box((0, end * 0.32, 0.115), (0.19, 0.13, 0.014), None, (end * 22, 0, 0))
        kit.rod((-0.09, end * 0.2, 0.035), (0.09, end * 0.2, 0.035), 0.012, kit.surface("gray", "metal"))
        for side in (-1, 1):
            kit.rod((side * 0.075, end * 0.2, 0.035), (side * 0.11, end * 0.2, 0.035), 0.035, wheel)
