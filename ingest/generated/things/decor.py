"""What makes a room pleasant."""

from dataclasses import replace

import numpy as np

from .. import shapes
from ..kinds import kind
from ..kit import Kit
from ..palette import COLOURS


@kind("picture", 11, "hung", "", "")
def picture(kit: Kit) -> None:
    width, height = kit.between(0.45, 0.8), kit.between(0.4, 0.6)
    frame = kit.surface(kit.pick(("brown", "black", "white", "yellow")), "wooden")
    ground, air = (COLOURS[kit.pick(("green", "blue", "orange", "purple", "red", "turquoise"))] for _ in range(2))
    paint = replace(kit.surface("white", "paper"), texture="painting", rgb=ground, accent=air, scale=height)
    kit.box((0, 0, height / 2), (width, 0.02, height), paint)
    for x in (-1, 1):
        kit.box((x * width / 2, -0.006, height / 2), (0.045, 0.04, height + 0.045), frame)
    for z in (0, height):
        kit.box((0, -0.006, z), (width, 0.04, 0.045), frame)


@kind("mirror", 19, "hung", "brown white black yellow gray", "wooden")
def mirror(kit: Kit) -> None:
    width, height = kit.between(0.45, 0.6), kit.between(0.7, 0.9)
    pane = replace(kit.surface("turquoise", "glass"), rgb=(0.70, 0.80, 0.84), scale=0.18)
    kit.box((0, 0, height / 2), (width, 0.02, height), pane)
    for x in (-1, 1):
        kit.box((x * width / 2, -0.006, height / 2), (0.06, 0.04, height + 0.06))
    for z in (0, height):
        kit.box((0, -0.006, z), (width, 0.04, 0.06))


@kind("curtain", 16, "hung", "red blue green yellow purple beige white orange gray", "fabric")
def curtain(kit: Kit) -> None:
    cover = kit.patterned("bands", "dots", scale=0.2)
    kit.add(shapes.wavy_sheet(0.5, 2.0, 5, 0.08), cover)
    kit.rod((-0.32, 0, 2.03), (0.32, 0, 2.03), 0.018, kit.surface("brown", "wooden"))
    for x in (-0.33, 0.33):
        kit.ball((x, 0, 2.03), 0.03, kit.surface("brown", "wooden"))


@kind("radiator", 39, "hung", "white gray", "metal")
def radiator(kit: Kit) -> None:
    look = replace(kit.main, texture="plain")
    for x in np.arange(-5, 6) * 0.075:
        kit.box((x, 0, 0.3), (0.055, 0.09, 0.6), look)
    for z in (0.06, 0.54):
        kit.box((0, 0, z), (0.82, 0.05, 0.05), look)


@kind("plant", 40, "floor", "green", "leafy")
def plant(kit: Kit) -> None:
    """In a pot, leaves on all sides."""
    size = kit.between(0.8, 1.2)
    pot = kit.surface(kit.pick(("white", "brown", "orange", "gray", "black")), "ceramic")
    kit.turned(
        [(0, 0), (0.11, 0), (0.15, 0.26), (0.165, 0.26), (0.165, 0.29), (0.14, 0.29), (0.14, 0.25), (0, 0.25)], pot
    )
    kit.cylinder((0, 0, 0.24), 0.138, 0.02, kit.surface("brown", "plush").darker(0.6))
    for k in range(14):
        angle, lean = k * 2.4, 0.25 + 0.6 * ((k * 0.37) % 1)
        way = np.array([np.cos(angle) * np.sin(lean), np.sin(angle) * np.sin(lean), np.cos(lean)])
        long = (size - 0.3) * (0.55 + 0.35 * ((k * 0.61) % 1))
        tip = way * long + (0, 0, 0.26)
        kit.rod((0, 0, 0.25), tip, 0.007, kit.main.darker(0.7))
        blade = shapes.ellipsoid((0.16 * size, 0.055 * size, 0.008), 12)
        kit.add(blade, kit.main.darker(0.85 + 0.3 * ((k * 0.53) % 1)), tip, (0, 25 - 40 * lean, np.degrees(angle)))


@kind("potted plant", 40, "top", "green", "leafy")
def potted_plant(kit: Kit) -> None:
    pot = kit.surface(kit.pick(("white", "brown", "orange", "blue", "yellow")), "ceramic")
    kit.turned([(0, 0), (0.05, 0), (0.07, 0.1), (0.062, 0.1), (0.055, 0.085), (0, 0.085)], pot)
    for k in range(16):
        angle, lean = k * 2.4, 0.2 + 0.9 * ((k * 0.37) % 1)
        way = np.array([np.cos(angle) * np.sin(lean), np.sin(angle) * np.sin(lean), np.cos(lean)])
        tip = way * 0.13 + (0, 0, 0.11)
        kit.rod((0, 0, 0.08), tip, 0.003, kit.main.darker(0.7))
        kit.add(
            shapes.ellipsoid((0.045, 0.022, 0.005), 10),
            kit.main.darker(0.85 + 0.3 * ((k * 0.53) % 1)),
            tip,
            (0, -20, np.degrees(angle)),
        )
