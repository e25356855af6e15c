"""What one cooks and eats with."""

from dataclasses import replace

import numpy as np

from .. import shapes
from ..kinds import kind
from ..kit import Kit

CROCKERY = "white blue red yellow green orange turquoise pink black"


@kind("counter", 12, "wall", "white brown gray blue green red", "wooden")
def counter(kit: Kit) -> None:
    width, depth, height = kit.between(1.3, 1.8), 0.6, 0.88
    kit.box((0, 0.02, 0.05), (width, depth - 0.1, 0.1), kit.surface("black", "plastic"))
    kit.box((0, 0, 0.47), (width, depth, 0.74))
    top = kit.surface(kit.pick(("gray", "white", "black", "beige")), "marble")
    kit.box((0, -0.015, height - 0.02), (width + 0.02, depth + 0.03, 0.04), top)
    doors = round(width / 0.45)
    for k in range(doors):
        x = -width / 2 + (k + 0.5) * width / doors
        kit.box((x, -depth / 2 - 0.008, 0.40), (width / doors - 0.02, 0.02, 0.56), kit.main.darker(0.92))
        kit.box((x, -depth / 2 - 0.008, 0.77), (width / doors - 0.02, 0.02, 0.13), kit.main.darker(0.92))
        for z in (0.64, 0.77):
            kit.box((x, -depth / 2 - 0.03, z), (0.12, 0.015, 0.015), kit.surface("gray", "metal"))
    kit.support((0, -0.02), (width, depth), height, 0.5)


@kind("refrigerator", 24, "wall", "white gray red black turquoise", "metal")
def refrigerator(kit: Kit) -> None:
    width, depth, height = kit.between(0.6, 0.7), 0.62, kit.between(1.6, 1.8)
    body = replace(kit.main, texture="plain")
    kit.box((0, 0.02, height / 2), (width, depth - 0.04, height), body.darker(0.9))
    for low, high in ((0.06, height * 0.62), (height * 0.62 + 0.012, height)):
        kit.box((0, -depth / 2 + 0.01, (low + high) / 2), (width, 0.06, high - low), body)
    for z, half in ((height * 0.5, 0.2), (height * 0.74, 0.13)):
        bar = kit.surface("gray", "metal")
        kit.rod(
            (width / 2 - 0.07, -depth / 2 - 0.06, z - half), (width / 2 - 0.07, -depth / 2 - 0.06, z + half), 0.014, bar
        )
        for end in (-half, half):
            kit.rod((width / 2 - 0.07, -depth / 2, z + end), (width / 2 - 0.07, -depth / 2 - 0.06, z + end), 0.01, bar)
    note = kit.surface(kit.pick(("yellow", "pink", "green")), "paper")
    kit.box((-0.1, -depth / 2 - 0.022, height * 0.8), (0.08, 0.003, 0.08), note)


@kind("stove", 38, "wall", "white black gray", "metal")
def stove(kit: Kit) -> None:
    width, depth, height, black = 0.6, 0.6, 0.88, kit.surface("black", "glass")
    body, dark = replace(kit.main, texture="plain"), replace(black, texture="plain")
    kit.box((0, 0, height / 2), (width, depth, height), body)
    kit.box((0, 0, height + 0.005), (width, depth, 0.012), dark)
    for x in (-0.14, 0.14):
        for y in (-0.14, 0.14):
            kit.add(shapes.torus(0.075, 0.008), kit.surface("gray", "metal"), (x, y, height + 0.014))
            kit.add(shapes.torus(0.035, 0.008), kit.surface("red", "metal"), (x, y, height + 0.014))
    kit.box((0, -depth / 2 - 0.01, 0.40), (0.5, 0.02, 0.36), dark)
    kit.rod((-0.22, -depth / 2 - 0.05, 0.63), (0.22, -depth / 2 - 0.05, 0.63), 0.014, kit.surface("gray", "metal"))
    for x in np.linspace(-0.2, 0.2, 5):
        kit.add(shapes.cylinder(0.025, 0.03), dark, (x, -depth / 2, 0.76), (90, 0, 0))
    kit.box((0, depth / 2 - 0.02, height + 0.06), (width, 0.04, 0.12), body.darker(0.85))


@kind("microwave", 40, "top", "white black gray red", "metal")
def microwave(kit: Kit) -> None:
    body, dark = replace(kit.main, texture="plain"), replace(kit.surface("black", "glass"), texture="plain")
    kit.box((0, 0, 0.14), (0.48, 0.34, 0.28), body)
    kit.box((-0.05, -0.172, 0.14), (0.32, 0.012, 0.20), dark)
    kit.box((0.18, -0.172, 0.20), (0.09, 0.01, 0.05), kit.surface("green", "plastic").darker(0.7))
    for z in (0.06, 0.09, 0.12, 0.15):
        for x in (0.155, 0.18, 0.205):
            kit.box((x, -0.174, z), (0.018, 0.01, 0.018), kit.surface("gray", "plastic"))
    kit.rod((0.122, -0.195, 0.05), (0.122, -0.195, 0.23), 0.009, kit.surface("gray", "metal"))


@kind("toaster", 40, "top", "red gray white black turquoise yellow", "metal")
def toaster(kit: Kit) -> None:
    kit.add(
        shapes.prism([(-0.14, -0.08), (0.14, -0.08), (0.15, 0), (0.14, 0.08), (-0.14, 0.08), (-0.15, 0)], 0.19),
        kit.main,
    )
    bread = kit.surface("orange", "paper").darker(0.75)
    for y in (-0.035, 0.035):
        kit.box((0, y, 0.19), (0.22, 0.03, 0.006), kit.surface("black", "plastic"))
        kit.box((0, y, 0.205), (0.11, 0.016, 0.07), bread)
    kit.box((0.16, 0, 0.12), (0.03, 0.03, 0.015), kit.surface("black", "plastic"))


@kind("kettle", 40, "top", "red gray white black blue green", "metal")
def kettle(kit: Kit) -> None:
    kit.turned([(0, 0), (0.085, 0), (0.095, 0.02), (0.085, 0.1), (0.055, 0.16), (0, 0.175)])
    dark = kit.surface("black", "plastic")
    kit.ball((0, 0, 0.185), 0.016, dark)
    kit.bent([(0.07, 0, 0.08), (0.12, 0, 0.12), (0.14, 0, 0.155)], [0.022, 0.016, 0.012])
    angle = np.linspace(0, np.pi, 9)
    kit.bent(np.c_[0.085 * np.cos(angle), np.zeros(9), 0.13 + 0.12 * np.sin(angle)], 0.011, dark)


@kind("pot", 40, "top", "gray red black blue orange", "metal")
def pot(kit: Kit) -> None:
    kit.turned([(0, 0), (0.11, 0), (0.115, 0.01), (0.115, 0.12), (0.12, 0.125), (0.06, 0.15), (0, 0.155)])
    kit.ball((0, 0, 0.165), 0.018, kit.surface("black", "plastic"))
    for x in (-1, 1):
        path = [(x * 0.11, -0.03, 0.1), (x * 0.15, -0.025, 0.105), (x * 0.15, 0.025, 0.105), (x * 0.11, 0.03, 0.1)]
        kit.bent(path, 0.008, kit.surface("black", "plastic"))


@kind("mug", 40, "top", CROCKERY, "ceramic")
def mug(kit: Kit) -> None:
    cover = kit.patterned("bands", "dots", scale=0.035)
    kit.turned([(0, 0), (0.038, 0), (0.043, 0.01), (0.043, 0.1), (0.038, 0.1), (0.036, 0.012), (0, 0.012)], cover)
    kit.turned([(0, 0.08), (0.037, 0.08)], kit.surface("brown", "plastic").darker(0.6))
    angle = np.linspace(-0.45 * np.pi, 0.45 * np.pi, 9)
    kit.bent(np.c_[0.038 + 0.034 * np.cos(angle), np.zeros(9), 0.052 + 0.034 * np.sin(angle)], 0.0075)


@kind("bottle", 40, "top", "green brown blue red yellow turquoise", "glass plastic")
def bottle(kit: Kit) -> None:
    tall = kit.between(0.26, 0.32)
    look = replace(kit.main, texture="glaze")
    kit.turned(
        [(0, 0), (0.04, 0), (0.043, 0.01), (0.043, tall * 0.6), (0.015, tall * 0.78), (0.015, tall), (0, tall)], look
    )
    kit.turned([(0.0445, tall * 0.2), (0.0445, tall * 0.48)], kit.surface("white", "paper"))
    kit.cylinder((0, 0, tall - 0.02), 0.017, 0.025, kit.surface(kit.pick(("black", "red", "white")), "plastic"))


@kind("bowl", 40, "top", CROCKERY, "ceramic")
def bowl(kit: Kit) -> None:
    kit.turned(
        [
            (0, 0),
            (0.05, 0),
            (0.055, 0.012),
            (0.10, 0.05),
            (0.12, 0.09),
            (0.113, 0.09),
            (0.09, 0.05),
            (0.04, 0.02),
            (0, 0.018),
        ]
    )


@kind("plate", 40, "top", CROCKERY, "ceramic")
def plate(kit: Kit) -> None:
    kit.turned([(0, 0), (0.07, 0), (0.08, 0.006), (0.13, 0.022), (0.128, 0.027), (0.08, 0.012), (0, 0.01)])
    kit.add(shapes.torus(0.125, 0.004), kit.main.darker(0.7), (0, 0, 0.024))


def _fruit(kit: Kit, radius: float) -> None:
    kit.ball((0, 0, radius), (radius, radius, radius * 0.94))
    kit.rod((0, 0, radius * 1.8), (radius * 0.15, 0, radius * 2.2), 0.004, kit.surface("brown", "wooden"))
    kit.ball((radius * 0.35, 0, radius * 2.1), (0.022, 0.010, 0.004), kit.surface("green", "leafy"), (0, -25, 0))


@kind("apple", 40, "top", "red green yellow")
def apple(kit: Kit) -> None:
    kit.main = replace(kit.main, texture="glaze")
    _fruit(kit, 0.043)


@kind("banana", 40, "top", "yellow")
def banana(kit: Kit) -> None:
    angle = np.linspace(-0.95, 0.95, 9)
    path = np.c_[0.12 * np.sin(angle), 0.12 * (1 - np.cos(angle)), np.full(9, 0.024)]
    kit.bent(path, [0.005, 0.014, 0.02, 0.023, 0.024, 0.023, 0.02, 0.013, 0.006])
    kit.bent([path[0], path[0] + (-0.012, 0.012, 0)], 0.006, kit.surface("brown", "wooden"))
    kit.ball(path[-1], 0.008, kit.surface("black", "plastic"))
