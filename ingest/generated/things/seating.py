"""What one sits on."""

import numpy as np

from .. import shapes
from ..kinds import kind
from ..kit import Kit

BRIGHT = "red orange yellow green turquoise blue purple pink brown beige white gray black"


@kind("chair", 5, "floor", BRIGHT, "wooden plastic metal")
def chair(kit: Kit) -> None:
    width, depth, seat, top = kit.between(0.40, 0.46), kit.between(0.40, 0.45), 0.45, kit.between(0.82, 0.95)
    kit.legs(width, depth, seat - 0.04, 0.04)
    kit.box((0, 0, seat - 0.02), (width, depth, 0.04))
    for x in (-1, 1):
        kit.box((x * (width / 2 - 0.02), depth / 2 - 0.02, (seat + top) / 2), (0.04, 0.04, top - seat))
    if kit.rng.random() < 0.5:
        for z in np.linspace(seat + 0.16, top - 0.05, 3):
            kit.box((0, depth / 2 - 0.02, z), (width - 0.06, 0.025, 0.09))
    else:
        kit.box((0, depth / 2 - 0.02, top - 0.05), (width, 0.045, 0.1))
        for x in np.linspace(-0.36, 0.36, 5) * width:
            kit.box((x, depth / 2 - 0.02, (seat + top) / 2), (0.025, 0.02, top - seat))
    for x in (-1, 1):
        kit.box((x * (width / 2 - 0.02), 0, 0.2), (0.025, depth - 0.06, 0.025))


@kind("office chair", 5, "floor", "black gray blue red green", "fabric leather")
def office_chair(kit: Kit) -> None:
    dark = kit.surface("black", "plastic")
    for angle in np.arange(5) * 2 * np.pi / 5:
        end = 0.28 * np.array([np.cos(angle), np.sin(angle)])
        kit.rod((0, 0, 0.10), (*end, 0.07), 0.02, dark)
        kit.ball((*end, 0.03), 0.03, dark)
    kit.cylinder((0, 0, 0.08), 0.03, 0.34, kit.surface("gray", "metal"))
    kit.add(shapes.pillow((0.50, 0.48, 0.12)), kit.main, (0, 0, 0.48))
    kit.add(shapes.pillow((0.46, 0.58, 0.11)), kit.main, (0, 0.22, 0.86), (82, 0, 0))
    kit.box((0, 0.25, 0.55), (0.07, 0.03, 0.3), dark)
    for x in (-0.27, 0.27):
        kit.box((x, 0.0, 0.66), (0.05, 0.26, 0.03), dark)
        kit.box((x, 0.05, 0.56), (0.03, 0.04, 0.2), dark)
        kit.box((x * 0.85, 0.05, 0.46), (0.1, 0.04, 0.03), dark)


def _cushioned_seat(kit: Kit, width: float, seats: int) -> None:
    depth, arm = kit.between(0.80, 0.90), 0.16
    kit.box((0, 0, 0.21), (width, depth, 0.26))
    kit.box((0, depth / 2 - 0.1, 0.55), (width, 0.2, 0.5))
    for x in (-1.0, 1.0):
        kit.box((x * (width - arm) / 2, 0, 0.41), (arm, depth, 0.40))
        kit.add(shapes.cylinder(arm / 2, depth), kit.main, (x * (width - arm) / 2, depth / 2, 0.61), (90, 0, 0))
        for y in (-1, 1):
            foot = kit.surface("brown", "wooden")
            kit.cylinder((x * (width / 2 - 0.08), y * (depth / 2 - 0.08), 0), 0.025, 0.09, foot)
    inner = (width - 2 * arm) / seats
    soft = kit.main.darker(1.10)
    for middle in -width / 2 + arm + inner * (np.arange(seats) + 0.5):
        x = float(middle)
        kit.add(shapes.pillow((inner * 1.02, depth * 0.74, 0.20)), soft, (x, -0.09, 0.40))
        kit.add(shapes.pillow((inner * 0.98, 0.46, 0.20)), soft, (x, depth / 2 - 0.24, 0.66), (78, 0, 0))
        kit.support((x, -0.15), (inner * 0.7, depth * 0.4), 0.495, 0.8)


@kind("sofa", 6, "wall", BRIGHT, "fabric leather")
def sofa(kit: Kit) -> None:
    _cushioned_seat(kit, kit.between(1.7, 2.1), 3 if kit.rng.random() < 0.5 else 2)


@kind("armchair", 5, "wall", BRIGHT, "fabric leather")
def armchair(kit: Kit) -> None:
    _cushioned_seat(kit, kit.between(0.85, 0.95), 1)


@kind("stool", 40, "floor", BRIGHT, "wooden metal plastic")
def stool(kit: Kit) -> None:
    height, radius = kit.between(0.45, 0.6), kit.between(0.16, 0.19)
    kit.turned(
        [(0, height - 0.05), (radius, height - 0.05), (radius, height - 0.01), (radius - 0.01, height), (0, height)]
    )
    for angle in np.arange(4) * np.pi / 2 + np.pi / 4:
        way = np.array([np.cos(angle), np.sin(angle)])
        kit.rod((*(way * radius * 1.15), 0), (*(way * radius * 0.7), height - 0.04), 0.016)
    kit.add(shapes.torus(radius * 0.98, 0.01), kit.main, (0, 0, height * 0.35))


@kind("bench", 39, "wall", "brown white gray green blue", "wooden")
def bench(kit: Kit) -> None:
    width = kit.between(1.0, 1.3)
    for y in (-0.12, 0, 0.12):
        kit.box((0, y, 0.43), (width, 0.105, 0.035))
    for x in (-1, 1):
        kit.box((x * (width / 2 - 0.12), 0, 0.21), (0.05, 0.32, 0.42))
    kit.box((0, 0, 0.14), (width - 0.28, 0.04, 0.06))
    kit.support((0, 0), (width, 0.32), 0.448)


@kind("ottoman", 39, "floor", BRIGHT, "fabric leather")
def ottoman(kit: Kit) -> None:
    radius = kit.between(0.24, 0.30)
    cover = kit.patterned("stripes", "dots", scale=0.07)
    kit.turned([(0, 0), (radius * 0.9, 0), (radius, 0.06), (radius, 0.30), (radius * 0.93, 0.37), (0, 0.40)], cover)
    kit.add(shapes.torus(radius, 0.012), kit.main.darker(0.7), (0, 0, 0.30))
