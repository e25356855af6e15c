"""What stands in a room to put things on."""

import numpy as np

from ..kinds import kind
from ..kit import Kit


@kind("table", 7, "middle", "brown white black beige gray red blue green", "wooden")
def table(kit: Kit) -> None:
    width, depth, height = kit.between(1.1, 1.5), kit.between(0.75, 0.9), kit.between(0.72, 0.76)
    kit.box((0, 0, height - 0.02), (width, depth, 0.04))
    kit.box((0, 0, height - 0.08), (width - 0.14, depth - 0.14, 0.08), kit.main.darker(0.85))
    kit.legs(width - 0.04, depth - 0.04, height - 0.04, 0.07)
    kit.support((0, 0), (width, depth), height)


@kind("round table", 7, "middle", "brown white black gray", "wooden marble")
def round_table(kit: Kit) -> None:
    radius, height = kit.between(0.42, 0.52), 0.74
    kit.turned(
        [(0, height - 0.035), (radius - 0.02, height - 0.035), (radius, height - 0.015), (radius, height), (0, height)]
    )
    kit.turned(
        [(0, 0), (0.26, 0), (0.22, 0.03), (0.05, 0.07), (0.045, 0.5), (0.09, height - 0.035), (0, height - 0.035)]
    )
    kit.support((0, 0), (radius * 1.3, radius * 1.3), height)


@kind("coffee table", 7, "middle", "brown white black gray", "wooden glass")
def coffee_table(kit: Kit) -> None:
    width, depth, height = kit.between(0.85, 1.1), kit.between(0.5, 0.6), kit.between(0.40, 0.46)
    frame = kit.surface("gray", "metal") if kit.material == "glass" else kit.main
    kit.box((0, 0, height - 0.015), (width, depth, 0.03))
    kit.legs(width - 0.06, depth - 0.06, height - 0.03, 0.05, frame)
    kit.box((0, 0, 0.13), (width - 0.1, depth - 0.1, 0.02), frame)
    kit.support((0, 0), (width, depth), height)


@kind("desk", 14, "wall", "brown white black beige gray", "wooden")
def desk(kit: Kit) -> None:
    width, depth, height = kit.between(1.2, 1.5), kit.between(0.62, 0.7), 0.74
    kit.box((0, 0, height - 0.02), (width, depth, 0.04))
    kit.box((-width / 2 + 0.02, 0, height / 2 - 0.02), (0.04, depth - 0.04, height - 0.04))
    kit.box((width / 2 - 0.22, 0, height / 2 - 0.02), (0.42, depth - 0.04, height - 0.04))
    kit.box((0, depth / 2 - 0.03, height * 0.7), (width - 0.1, 0.02, 0.3), kit.main.darker(0.85))
    for z in (0.13, 0.36, 0.58):
        kit.box((width / 2 - 0.22, -depth / 2 + 0.015, z), (0.38, 0.02, 0.19), kit.main.darker(0.88))
        kit.box((width / 2 - 0.22, -depth / 2 - 0.005, z + 0.03), (0.12, 0.02, 0.015), kit.surface("gray", "metal"))
    kit.support((0, 0), (width, depth), height, 0.8)


@kind("nightstand", 32, "wall", "brown white black beige gray blue", "wooden")
def nightstand(kit: Kit) -> None:
    width, depth, height = kit.between(0.42, 0.5), 0.4, kit.between(0.48, 0.58)
    kit.legs(width, depth, 0.12, 0.04)
    kit.box((0, 0, (height + 0.10) / 2), (width, depth, height - 0.12))
    kit.box((0, 0, height - 0.01), (width + 0.03, depth + 0.02, 0.025), kit.main.darker(1.08))
    drawers = 2
    for k in range(drawers):
        z = 0.10 + (k + 0.5) * (height - 0.14) / drawers
        kit.box((0, -depth / 2, z), (width - 0.06, 0.02, (height - 0.14) / drawers - 0.03), kit.main.darker(0.87))
        kit.ball((0, -depth / 2 - 0.02, z), 0.016, kit.surface("gray", "metal"))
    kit.support((0, 0), (width, depth), height + 0.0025, 0.7)


@kind("tv stand", 39, "wall", "brown white black gray", "wooden")
def tv_stand(kit: Kit) -> None:
    width, depth, height = kit.between(1.2, 1.5), 0.42, kit.between(0.42, 0.5)
    for z in (0.07, height / 2 + 0.03, height - 0.015):
        kit.box((0, 0, z), (width, depth, 0.03))
    for x in np.linspace(-0.5, 0.5, 3) * (width - 0.03):
        kit.box((x, 0, height / 2), (0.03, depth, height))
    kit.box((0, depth / 2 - 0.01, height / 2), (width, 0.02, height - 0.04), kit.main.darker(0.7))
    kit.support((0, 0), (width, depth), height, 1.2)
    for x in (-0.25, 0.25):
        kit.support((x * width, -0.03), (width / 2 - 0.08, depth - 0.08), height / 2 + 0.045, height / 2 - 0.09)
