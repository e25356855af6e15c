"""Small things that lie and stand about."""

from dataclasses import replace

import numpy as np

from .. import shapes
from ..kinds import kind
from ..kit import Kit
from ..palette import COLOURS

BRIGHT = "red orange yellow green turquoise blue purple pink black white"


@kind("book", 23, "top", "red orange yellow green turquoise blue purple pink brown black", "paper")
def book(kit: Kit) -> None:
    width, depth, thick = kit.between(0.15, 0.19), kit.between(0.21, 0.25), kit.between(0.03, 0.05)
    kit.box((0.004, 0, thick / 2), (width - 0.012, depth - 0.012, thick - 0.008), kit.surface("white", "paper"))
    for z in (0.003, thick - 0.003):
        kit.box((0, 0, z), (width, depth, 0.006))
    kit.box((-width / 2, 0, thick / 2), (0.006, depth, thick))
    kit.box((0, 0.03, thick + 0.0005), (width * 0.6, 0.03, 0.001), kit.surface("white", "paper"))


@kind("books", 23, "top")
def books(kit: Kit) -> None:
    """A row of standing books, of all colours."""
    words, x = list(COLOURS), 0.0
    for _ in range(int(kit.rng.integers(5, 10))):
        thick, height, depth = kit.between(0.02, 0.045), kit.between(0.18, 0.245), kit.between(0.15, 0.18)
        cover = kit.surface(kit.pick(words), "plastic")
        kit.box((x + thick / 2, 0, height / 2), (thick, depth, height), cover)
        kit.box((x + thick / 2, -depth / 2 - 0.0005, height * 0.75), (thick * 0.7, 0.001, 0.03), cover.darker(1.6))
        kit.box(
            (x + thick / 2, 0.004, height + 0.0005), (thick * 0.7, depth - 0.02, 0.001), kit.surface("white", "paper")
        )
        x += thick + 0.001


@kind("ball", 40, "floor", BRIGHT, "rubber")
def ball(kit: Kit) -> None:
    radius = kit.between(0.09, 0.12)
    cover = kit.patterned("bands", "dots", scale=radius * 0.9)
    kit.ball((0, 0, radius), radius, cover)


@kind("football", 40, "floor", "white", "leather")
def football(kit: Kit) -> None:
    kit.ball((0, 0, 0.11), 0.11, replace(kit.main, texture="football", accent=COLOURS["black"]))


@kind("bag", 37, "floor", "red blue green yellow pink purple brown beige", "paper fabric leather")
def bag(kit: Kit) -> None:
    width, depth, height = kit.between(0.28, 0.36), 0.13, kit.between(0.3, 0.38)
    cover = kit.patterned("stripes", "dots", scale=0.06)
    kit.box((0, 0, height / 2), (width, depth, height), cover)
    for y in (-1, 1):
        path = [
            (-0.07, y * depth * 0.4, height),
            (-0.05, y * depth * 0.4, height + 0.13),
            (0.05, y * depth * 0.4, height + 0.13),
            (0.07, y * depth * 0.4, height),
        ]
        kit.bent(path, 0.007, kit.main.darker(0.6))
    kit.box((0, 0, height), (width * 0.96, depth * 0.9, 0.004), kit.main.darker(0.4))


@kind("backpack", 40, "floor", "red blue green orange purple turquoise black pink", "fabric")
def backpack(kit: Kit) -> None:
    dark = kit.main.darker(0.65)
    kit.ball((0, 0.02, 0.22), (0.16, 0.11, 0.23))
    kit.box((0, 0.03, 0.1), (0.28, 0.16, 0.2))
    kit.ball((0, -0.09, 0.14), (0.115, 0.06, 0.11), dark)
    kit.box((0, -0.135, 0.19), (0.15, 0.02, 0.012), kit.surface("gray", "metal"))
    angle = np.linspace(0, np.pi, 7)
    kit.bent(np.c_[0.04 * np.cos(angle), np.full(7, 0.06), 0.42 + 0.06 * np.sin(angle)], 0.009, dark)
    for x in (-0.09, 0.09):
        kit.bent([(x, 0.09, 0.40), (x, 0.16, 0.32), (x, 0.16, 0.15), (x, 0.10, 0.04)], 0.016, dark)


@kind("shoe", 40, "floor", "red blue white black brown green pink", "leather")
def shoe(kit: Kit) -> None:
    """One shoe: sole, toe, heel, laces."""
    sole = kit.surface("white" if kit.colour != "white" else "gray", "rubber")
    kit.add(
        shapes.prism(
            [
                (-0.035, -0.13),
                (0.035, -0.13),
                (0.05, -0.07),
                (0.036, 0.04),
                (0.036, 0.13),
                (-0.036, 0.13),
                (-0.036, 0.04),
                (-0.05, -0.07),
            ],
            0.025,
        ),
        sole,
    )
    kit.ball((0, -0.06, 0.035), (0.047, 0.085, 0.04))
    kit.ball((0, 0.06, 0.055), (0.04, 0.075, 0.06))
    kit.ball((0, 0.07, 0.105), (0.028, 0.045, 0.012), kit.surface("black", "fabric"))
    for y in (-0.035, -0.01, 0.015):
        kit.box((0, y, 0.078 + 0.25 * y), (0.05, 0.008, 0.008), sole)


@kind("guitar", 40, "floor", "brown red orange black blue", "wooden")
def guitar(kit: Kit) -> None:
    """On a stand, leaning back."""
    dark, lean = kit.surface("black", "wooden"), (-12, 0, 0)
    turn = shapes.rotation(lean)

    def at(x: float, y: float, z: float) -> tuple[float, ...]:
        return tuple(turn @ (x, y, z))

    for z, radius in ((0.27, 0.19), (0.53, 0.145)):
        kit.add(shapes.cylinder(radius, 0.09, sides=24), kit.main, at(0, 0.045, z), (90 + lean[0], 0, 0))
    kit.add(shapes.cylinder(0.125, 0.0896), kit.main, at(0, 0.045, 0.41), (90 + lean[0], 0, 0))
    kit.add(shapes.cylinder(0.05, 0.004), dark, at(0, -0.045, 0.46), (90 + lean[0], 0, 0))
    kit.box(at(0, -0.05, 0.25), (0.14, 0.012, 0.025), dark, lean)
    kit.box(at(0, -0.045, 0.78), (0.05, 0.022, 0.56), dark, lean)
    kit.box(at(0, -0.04, 1.10), (0.075, 0.018, 0.15), kit.main.darker(0.6), lean)
    for x in (-0.015, -0.005, 0.005, 0.015):
        kit.box(at(x, -0.059, 0.66), (0.0025, 0.002, 0.80), kit.surface("gray", "metal"), lean)
    for z in (1.06, 1.10, 1.14):
        kit.rod(at(-0.055, -0.04, z), at(0.055, -0.04, z), 0.006, kit.surface("gray", "metal"))
    steel = kit.surface("black", "metal")
    for x in (-0.12, 0.12):
        kit.bent([(x, -0.12, 0.0), (x, -0.09, 0.05), (x, 0.10, 0.10), (x, 0.22, 0.0)], 0.012, steel)


@kind("umbrella", 40, "floor", "red blue yellow green purple black pink", "fabric")
def umbrella(kit: Kit) -> None:
    """Open, standing on its rim as it dries."""
    radius = kit.between(0.36, 0.42)
    rim = [(radius * np.sin(a), 0.06 + radius * 0.9 * (np.cos(a) - np.cos(1.15))) for a in np.linspace(1.15, 0, 8)]
    cover = kit.patterned("stripes", "dots", scale=0.12)
    dome = shapes.lathe([*rim, *[(r * 0.985, z - 0.005) for r, z in rim[::-1]]], 16)
    kit.add(dome, cover, (0, 0, 0.28), (62, 0, 20))
    turn = shapes.rotation((62, 0, 20))
    foot, top = turn @ (0, 0, -0.38) + (0, 0, 0.28), turn @ (0, 0, 0.62) + (0, 0, 0.28)
    kit.rod(foot, top, 0.009, kit.surface("gray", "metal"))
    kit.ball(foot, (0.022, 0.022, 0.022), kit.surface("brown", "wooden"))


@kind("toy car", 40, "top", "red blue yellow green orange", "plastic")
def toy_car(kit: Kit) -> None:
    dark, pane = kit.surface("black", "rubber"), kit.surface("turquoise", "glass")
    kit.box((0, 0, 0.045), (0.24, 0.10, 0.045))
    kit.add(
        shapes.prism([(-0.075, -0.043), (0.055, -0.043), (0.055, 0.043), (-0.075, 0.043)], 0.045),
        kit.main,
        (0, 0, 0.067),
    )
    for y in (-1, 1):
        kit.box((-0.01, y * 0.0435, 0.088), (0.10, 0.002, 0.028), pane)
        for x in (-0.07, 0.07):
            kit.add(shapes.cylinder(0.028, 0.02), dark, (x, y * 0.05 + 0.01, 0.028), (90, 0, 0))
            kit.add(
                shapes.cylinder(0.012, 0.022), kit.surface("gray", "metal"), (x, y * 0.05 + 0.011, 0.028), (90, 0, 0)
            )
        kit.ball((0.12, y * 0.035, 0.05), 0.011, kit.surface("yellow", "glass"))
    kit.box((0.056, 0, 0.088), (0.002, 0.075, 0.028), pane)


@kind("candle", 40, "top", "red white yellow green purple pink orange", "wax")
def candle(kit: Kit) -> None:
    radius, height = kit.between(0.03, 0.04), kit.between(0.10, 0.18)
    kit.turned([(0, 0), (0.06, 0), (0.065, 0.012), (0, 0.012)], kit.surface("gray", "metal"))
    kit.cylinder((0, 0, 0.012), radius, height)
    kit.rod((0, 0, height + 0.01), (0, 0, height + 0.03), 0.003, kit.surface("black", "paper"))
    flame = replace(kit.surface("yellow", "plastic"), rgb=(1.0, 0.85, 0.25))
    kit.ball((0, 0, height + 0.045), (0.010, 0.010, 0.022), flame)


@kind("vase", 40, "top", "white blue red green yellow purple turquoise", "ceramic")
def vase(kit: Kit) -> None:
    """With flowers in it."""
    cover = kit.patterned("bands", "dots", scale=0.05)
    kit.turned(
        [
            (0, 0),
            (0.05, 0),
            (0.075, 0.06),
            (0.07, 0.12),
            (0.03, 0.19),
            (0.04, 0.22),
            (0.033, 0.22),
            (0.02, 0.18),
            (0, 0.17),
        ],
        cover,
    )
    petal = kit.surface(kit.pick(("red", "yellow", "pink", "white", "orange")), "leafy")
    for k in range(5):
        angle, reach = k * 2 * np.pi / 5, 0.07 + 0.02 * (k % 2)
        head = np.array([reach * np.cos(angle), reach * np.sin(angle), 0.36 + 0.04 * (k % 3)])
        kit.rod((0, 0, 0.2), head, 0.004, kit.surface("green", "leafy"))
        kit.ball(head, (0.034, 0.034, 0.022), petal)
        kit.ball(head + np.array([0, 0, 0.018]), 0.013, kit.surface("yellow", "plastic"))


@kind("alarm clock", 40, "top", "red blue black green yellow", "metal")
def alarm_clock(kit: Kit) -> None:
    kit.add(shapes.cylinder(0.06, 0.05, sides=24), kit.main, (0, 0.025, 0.075), (90, 0, 0))
    _dial(kit, 0.05, (0, -0.026, 0.075))
    for x in (-1, 1):
        kit.ball((x * 0.04, 0, 0.145), (0.03, 0.025, 0.018), kit.surface("gray", "metal"), (0, x * 35, 0))
        kit.rod((x * 0.04, 0, 0.03), (x * 0.06, 0, 0), 0.008)


def _dial(kit: Kit, radius: float, at: tuple[float, float, float]) -> None:
    """A clock's white face with twelve marks and two hands, looking to the front."""
    x, y, z = at
    black = kit.surface("black", "plastic")
    kit.add(shapes.cylinder(radius, 0.004, sides=24), kit.surface("white", "paper"), (x, y + 0.002, z), (90, 0, 0))
    for hour in range(12):
        angle = hour * np.pi / 6
        mark = (x + 0.84 * radius * np.sin(angle), y - 0.002, z + 0.84 * radius * np.cos(angle))
        kit.box(mark, (radius * 0.06, 0.003, radius * 0.16), black, (0, np.degrees(angle), 0))
    for long, angle, wide in ((0.5, 305, 0.09), (0.75, 60, 0.06)):
        way = np.radians(angle)
        place = (x + long / 2 * radius * np.sin(way), y - 0.004, z + long / 2 * radius * np.cos(way))
        kit.box(place, (radius * wide, 0.003, radius * long), black, (0, angle, 0))


@kind("clock", 40, "hung", "red blue black white green yellow brown", "plastic wooden")
def clock(kit: Kit) -> None:
    radius = kit.between(0.15, 0.19)
    kit.add(shapes.cylinder(radius, 0.04, sides=32), kit.main, (0, 0.02, radius), (90, 0, 0))
    kit.add(shapes.torus(radius, 0.016, 32), kit.main, (0, -0.02, radius), (90, 0, 0))
    _dial(kit, radius * 0.9, (0, -0.021, radius))
