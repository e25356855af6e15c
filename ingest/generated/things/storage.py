"""What things are kept in."""

import numpy as np

from .. import shapes
from ..kinds import kind
from ..kit import Kit


@kind("bookshelf", 10, "wall", "brown white black beige gray", "wooden")
def bookshelf(kit: Kit) -> None:
    width, depth, height = kit.between(0.8, 1.1), 0.30, kit.between(1.5, 2.0)
    for x in (-1, 1):
        kit.box((x * (width / 2 - 0.0125), 0, height / 2), (0.025, depth, height))
    kit.box((0, depth / 2 - 0.008, height / 2), (width, 0.016, height), kit.main.darker(0.8))
    levels = np.linspace(0.08, height - 0.0125, 6 if height > 1.75 else 5)
    for z in levels:
        kit.box((0, 0, z), (width - 0.04, depth - 0.01, 0.025))
    kit.box((0, -depth / 2 + 0.02, 0.04), (width - 0.04, 0.02, 0.07))
    gap = float(levels[1] - levels[0]) - 0.03
    for z in levels[:-1]:
        kit.support((0, -0.012), (width - 0.06, depth - 0.04), float(z) + 0.0125, gap)
    kit.support((0, 0), (width, depth), height, 0.4)


@kind("shelf", 15, "hung", "brown white black beige", "wooden")
def shelf(kit: Kit) -> None:
    width = kit.between(0.7, 1.0)
    kit.box((0, 0, 0.12), (width, 0.24, 0.025))
    for x in (-0.35, 0.35):
        kit.box((x * width, 0.11, 0.06), (0.03, 0.02, 0.12), kit.surface("gray", "metal"))
        kit.box((x * width, 0.0, 0.10), (0.03, 0.2, 0.015), kit.surface("gray", "metal"))
    kit.support((0, 0), (width, 0.24), 0.1325, 0.5)


@kind("cabinet", 3, "wall", "white brown gray blue green red beige", "wooden metal")
def cabinet(kit: Kit) -> None:
    width, depth, height = kit.between(0.8, 1.1), 0.42, kit.between(0.8, 1.0)
    kit.box((0, 0, height / 2 + 0.03), (width, depth, height - 0.06))
    kit.box((0, 0, 0.03), (width - 0.06, depth - 0.06, 0.06), kit.main.darker(0.5))
    for x in (-1, 1):
        kit.box(
            (x * width / 4, -depth / 2 - 0.006, height / 2 + 0.03),
            (width / 2 - 0.03, 0.02, height - 0.13),
            kit.main.darker(0.9),
        )
        kit.box(
            (x * width / 4, -depth / 2 - 0.014, height / 2 + 0.03),
            (width / 2 - 0.15, 0.01, height - 0.28),
            kit.main.darker(0.8),
        )
        kit.ball((x * 0.06, -depth / 2 - 0.035, height * 0.6), 0.018, kit.surface("gray", "metal"))
    kit.box((0, 0, height - 0.01), (width + 0.03, depth + 0.03, 0.025), kit.main.darker(1.08))
    kit.support((0, 0), (width, depth), height + 0.0025, 0.8)


@kind("dresser", 17, "wall", "brown white black beige gray blue green", "wooden")
def dresser(kit: Kit) -> None:
    width, depth, height = kit.between(0.9, 1.2), 0.45, kit.between(0.85, 1.0)
    kit.legs(width, depth, 0.1, 0.05, kit.main.darker(0.7))
    kit.box((0, 0, height / 2 + 0.04), (width, depth, height - 0.1))
    kit.box((0, 0, height), (width + 0.04, depth + 0.03, 0.03), kit.main.darker(1.06))
    rows = 4
    tall = (height - 0.13) / rows
    for row in range(rows):
        for x in (-1, 1):
            z = 0.10 + (row + 0.5) * tall
            kit.box((x * width / 4, -depth / 2, z), (width / 2 - 0.04, 0.024, tall - 0.03), kit.main.darker(0.86))
            kit.ball((x * width / 4, -depth / 2 - 0.03, z), 0.02, kit.surface("yellow", "metal"))
    kit.support((0, 0), (width, depth), height + 0.015, 0.8)


@kind("wardrobe", 39, "wall", "brown white beige gray green", "wooden")
def wardrobe(kit: Kit) -> None:
    width, depth, height = kit.between(1.0, 1.3), 0.56, kit.between(1.85, 2.05)
    kit.box((0, 0, height / 2 + 0.03), (width, depth, height - 0.06))
    kit.box((0, 0, 0.03), (width - 0.05, depth - 0.05, 0.06), kit.main.darker(0.6))
    kit.box((0, -0.01, height), (width + 0.06, depth + 0.04, 0.06), kit.main.darker(0.85))
    for x in (-1, 1):
        kit.box(
            (x * width / 4, -depth / 2 - 0.008, height / 2),
            (width / 2 - 0.025, 0.022, height - 0.14),
            kit.main.darker(0.92),
        )
        for z in (0.3, 0.72):
            kit.box(
                (x * width / 4, -depth / 2 - 0.018, z * height),
                (width / 2 - 0.14, 0.012, height * 0.34),
                kit.main.darker(0.8),
            )
        kit.rod(
            (x * 0.05, -depth / 2 - 0.04, height * 0.45),
            (x * 0.05, -depth / 2 - 0.04, height * 0.58),
            0.012,
            kit.surface("gray", "metal"),
        )


@kind("box", 29, "floor", "brown beige white blue red", "cardboard")
def carton(kit: Kit) -> None:
    width, depth, height = kit.between(0.3, 0.45), kit.between(0.26, 0.36), kit.between(0.22, 0.34)
    kit.box((0, 0, height / 2), (width, depth, height))
    tape = kit.surface("beige", "paper").darker(1.1)
    kit.box((0, 0, height + 0.001), (0.05, depth + 0.004, 0.003), tape)
    for y in (-1, 1):
        kit.box((0, y * (depth / 2 + 0.001), height - 0.05), (0.05, 0.003, 0.1), tape)
    kit.box(
        (width * 0.25, -depth / 2 - 0.001, height * 0.45),
        (width * 0.3, 0.003, height * 0.3),
        kit.surface("white", "paper"),
    )


@kind("suitcase", 40, "floor", "red blue green black purple orange turquoise pink", "plastic leather")
def suitcase(kit: Kit) -> None:
    width, depth, height = kit.between(0.40, 0.46), 0.22, kit.between(0.55, 0.65)
    dark = kit.surface("black", "plastic")
    kit.box((0, 0, height / 2 + 0.05), (width, depth, height))
    for x in np.linspace(-0.36, 0.36, 5) * width:
        kit.box((x, 0, height / 2 + 0.05), (0.022, depth + 0.016, height - 0.06), kit.main.darker(0.85))
    kit.box((0, 0, height / 2 + 0.05), (width + 0.008, 0.012, height + 0.008), dark)
    for x in (-1, 1):
        for y in (-1, 1):
            kit.ball((x * (width / 2 - 0.05), y * (depth / 2 - 0.04), 0.03), 0.03, dark)
    kit.bent(
        [(-0.1, 0, height + 0.05), (-0.1, 0, height + 0.2), (0.1, 0, height + 0.2), (0.1, 0, height + 0.05)],
        0.011,
        dark,
    )


@kind("basket", 40, "floor", "brown beige white gray", "wicker")
def basket(kit: Kit) -> None:
    radius, height = kit.between(0.18, 0.22), kit.between(0.3, 0.4)
    kit.turned(
        [(0, 0), (radius * 0.85, 0), (radius, height), (radius * 0.92, height), (radius * 0.78, 0.03), (0, 0.03)]
    )
    kit.add(shapes.torus(radius * 0.97, 0.018), kit.main.darker(0.8), (0, 0, height))
    cloth = kit.surface(kit.pick(("white", "blue", "red", "pink")), "fabric")
    kit.ball((0.03, 0, height - 0.08), (radius * 0.75, radius * 0.7, 0.09), cloth)


@kind("trash can", 39, "floor", "black gray white blue green red", "plastic metal")
def trash_can(kit: Kit) -> None:
    radius, height = kit.between(0.13, 0.16), kit.between(0.3, 0.4)
    kit.turned([(0, 0), (radius * 0.8, 0), (radius, height), (radius * 0.95, height), (radius * 0.76, 0.02), (0, 0.02)])
    kit.add(shapes.torus(radius * 0.98, 0.01), kit.main.darker(0.8), (0, 0, height))
    for k in range(3):
        kit.ball((0.04 * (k - 1), 0.03 * (k % 2), height * 0.55 + 0.03 * k), 0.055, kit.surface("white", "paper"))
