"""Rare things: each stands in one scene of a set, to be looked for."""

from dataclasses import replace

import numpy as np

from .. import shapes
from ..kinds import kind
from ..kit import Kit
from ..palette import COLOURS


@kind("snoopy", 40, "top", "white", "plush", rare=True)
def snoopy(kit: Kit) -> None:
    """A sitting plush beagle: white, long snout, black nose, black hanging ears, black spot on the back, red collar."""
    black, red = kit.surface("black", "plush"), kit.surface("red", "leather")
    kit.ball((0, 0.02, 0.125), (0.095, 0.09, 0.13))
    kit.ball((0.03, 0.085, 0.15), (0.05, 0.03, 0.06), black)
    kit.add(shapes.torus(0.055, 0.016), red, (0, 0, 0.245))
    kit.ball((0, 0.0, 0.335), (0.095, 0.10, 0.10))
    kit.ball((0, -0.125, 0.315), (0.062, 0.095, 0.058))
    kit.ball((0, -0.215, 0.335), (0.028, 0.024, 0.024), black)
    for x in (-1, 1):
        kit.ball((x * 0.098, 0.03, 0.315), (0.026, 0.045, 0.095), black, (8, x * 14, 0))
        kit.ball((x * 0.034, -0.088, 0.385), (0.011, 0.012, 0.018), black)
        kit.ball((x * 0.105, -0.055, 0.155), (0.030, 0.034, 0.075), turn=(30, x * -20, 0))
        kit.ball((x * 0.062, -0.10, 0.035), (0.045, 0.095, 0.036))
    kit.bent([(0, 0.10, 0.05), (0, 0.16, 0.09), (0, 0.18, 0.14)], [0.022, 0.018, 0.012])


@kind("rubber duck", 40, "top", "yellow", "rubber", rare=True)
def rubber_duck(kit: Kit) -> None:
    kit.main = replace(kit.main, texture="glaze")
    beak, eye = kit.surface("orange", "rubber"), kit.surface("black", "plastic")
    kit.ball((0, 0.01, 0.075), (0.095, 0.125, 0.075))
    kit.ball((0, 0.125, 0.12), (0.035, 0.045, 0.03), turn=(40, 0, 0))
    kit.ball((0, -0.065, 0.19), (0.068, 0.068, 0.066))
    kit.ball((0, -0.14, 0.18), (0.036, 0.038, 0.011), beak)
    kit.ball((0, -0.132, 0.166), (0.03, 0.028, 0.009), beak)
    for x in (-1, 1):
        kit.ball((x * 0.03, -0.118, 0.212), 0.012, eye)
        kit.ball((x * 0.085, 0.03, 0.085), (0.022, 0.07, 0.042), kit.main.darker(0.92), (-12, 0, 0))


@kind("globe", 40, "top", "blue", "plastic", rare=True)
def globe(kit: Kit) -> None:
    stand = kit.surface("yellow", "metal")
    kit.turned(
        [(0, 0), (0.095, 0), (0.09, 0.02), (0.02, 0.04), (0.015, 0.09), (0, 0.09)], kit.surface("brown", "wooden")
    )
    kit.ball((0, 0, 0.25), 0.14, replace(kit.main, texture="continents", accent=COLOURS["green"], seed=5.0))
    angle = np.linspace(-np.pi / 2, np.pi / 2, 15) + 0.35
    kit.bent(np.c_[0.16 * np.cos(angle), np.zeros(15), 0.25 + 0.16 * np.sin(angle)], 0.008, stand)
    kit.rod(
        (-0.16 * np.sin(0.35), 0, 0.25 + 0.16 * np.cos(0.35)),
        (0.16 * np.sin(0.35), 0, 0.25 - 0.16 * np.cos(0.35)),
        0.006,
        stand,
    )


@kind("cactus", 40, "top", "green", "leafy", rare=True)
def cactus(kit: Kit) -> None:
    kit.main = replace(kit.main, texture="rind", scale=12)
    pot = kit.surface("orange", "ceramic").darker(0.8)
    kit.turned(
        [(0, 0), (0.06, 0), (0.085, 0.11), (0.095, 0.11), (0.095, 0.135), (0.08, 0.135), (0.08, 0.115), (0, 0.115)], pot
    )
    kit.turned([(0, 0.11), (0.055, 0.11), (0.062, 0.2), (0.062, 0.36), (0.045, 0.41), (0, 0.425)])
    for x, low, high in ((-1, 0.22, 0.36), (1, 0.27, 0.40)):
        kit.bent([(0, 0, low), (x * 0.09, 0, low + 0.005), (x * 0.125, 0, low + 0.035), (x * 0.125, 0, high)], 0.030)
        kit.ball((x * 0.125, 0, high), 0.030)
    kit.ball((0, 0, 0.43), (0.028, 0.028, 0.018), kit.surface("pink", "leafy"))
    spine = kit.surface("white", "plastic")
    for k in range(36):
        angle, z = k * 2.4, 0.15 + 0.24 * k / 36
        out = np.array([np.cos(angle), np.sin(angle)])
        kit.rod((*(out * 0.058), z), (*(out * 0.074), z + 0.004), 0.0022, spine)


@kind("fire hydrant", 40, "floor", "red", "metal", rare=True)
def fire_hydrant(kit: Kit) -> None:
    kit.main = replace(kit.main, texture="plain")
    steel = kit.surface("gray", "metal")
    profile = [(0, 0), (0.17, 0), (0.17, 0.05), (0.125, 0.05), (0.12, 0.42), (0.15, 0.42), (0.15, 0.47), (0.125, 0.47)]
    kit.turned([*profile, (0.115, 0.55), (0.07, 0.62), (0, 0.64)])
    kit.cylinder((0, 0, 0.63), 0.03, 0.06, steel)
    for turn, at in (((90, 0, 0), (0, -0.09, 0.31)), ((0, 90, 0), (0.08, 0, 0.33)), ((0, -90, 0), (-0.08, 0, 0.33))):
        front = turn[0] == 90
        radius = 0.065 if front else 0.048
        kit.add(shapes.cylinder(radius, 0.10), kit.main, at, turn)
        out = np.array([0, -0.10, 0]) if front else np.array([np.sign(at[0]) * 0.10, 0, 0])
        kit.add(shapes.cylinder(radius + 0.016, 0.035), steel, np.array(at) + out, turn)
    for angle in np.arange(8) * np.pi / 4:
        kit.cylinder((0.148 * np.cos(angle), 0.148 * np.sin(angle), 0.05), 0.013, 0.02, steel)


@kind("traffic cone", 40, "floor", "orange", "plastic", rare=True)
def traffic_cone(kit: Kit) -> None:
    white = kit.surface("white", "plastic")
    kit.box((0, 0, 0.02), (0.36, 0.36, 0.04), kit.main.darker(0.85))
    for (low, high), look in (
        ((0, 0.3), kit.main),
        ((0.3, 0.5), white),
        ((0.5, 0.66), kit.main),
        ((0.66, 0.82), white),
        ((0.82, 1), kit.main),
    ):
        kit.turned([(0.14 - 0.11 * t, 0.04 + 0.56 * t) for t in (low, high)], look)
    kit.turned([(0.03, 0.60), (0, 0.60)])


@kind("piggy bank", 40, "top", "pink", "ceramic", rare=True)
def piggy_bank(kit: Kit) -> None:
    dark = kit.main.darker(0.75)
    kit.ball((0, 0, 0.125), (0.11, 0.135, 0.095))
    kit.add(shapes.cylinder(0.042, 0.04), dark, (0, -0.12, 0.125), (90, 0, 0))
    for x in (-1, 1):
        kit.ball((x * 0.016, -0.16, 0.128), (0.008, 0.005, 0.012), kit.surface("brown", "plastic"))
        kit.ball((x * 0.048, -0.112, 0.17), 0.011, kit.surface("black", "plastic"))
        kit.ball((x * 0.062, -0.075, 0.215), (0.030, 0.014, 0.034), dark, (0, x * 20, 0))
        for y in (-0.07, 0.07):
            kit.cylinder((x * 0.058, y, 0), 0.030, 0.07)
    kit.box((0, 0, 0.2195), (0.012, 0.06, 0.004), kit.surface("black", "plastic"))
    angle = np.linspace(0, 3 * np.pi, 16)
    kit.bent(np.c_[0.016 * np.cos(angle), 0.13 + 0.004 * angle, 0.135 + 0.016 * np.sin(angle)], 0.007, dark)


@kind("trophy", 40, "top", "yellow", "metal", rare=True)
def trophy(kit: Kit) -> None:
    kit.box((0, 0, 0.03), (0.13, 0.13, 0.06), kit.surface("black", "marble"))
    profile = [(0, 0.06), (0.05, 0.06), (0.018, 0.09), (0.015, 0.15), (0.05, 0.19), (0.085, 0.26), (0.095, 0.36)]
    kit.turned([*profile, (0.088, 0.36), (0.07, 0.25), (0, 0.21)])
    for x in (-1, 1):
        angle = np.linspace(-np.pi / 2, np.pi / 2, 9)
        kit.bent(np.c_[x * (0.08 + 0.06 * np.cos(angle)), np.zeros(9), 0.28 + 0.055 * np.sin(angle)], 0.010)
    kit.box((0, -0.066, 0.03), (0.07, 0.003, 0.03))


@kind("pumpkin", 40, "top", "orange", rare=True)
def pumpkin(kit: Kit) -> None:
    skin = replace(kit.main, texture="rind", scale=9)
    kit.ball((0, 0, 0.115), (0.15, 0.15, 0.115), skin)
    kit.bent(
        [(0, 0, 0.21), (0.005, 0, 0.25), (0.025, 0.01, 0.28)],
        [0.024, 0.016, 0.014],
        kit.surface("green", "leafy").darker(0.7),
    )
    glow = kit.surface("yellow", "plastic")
    for x in (-1, 1):
        kit.ball((x * 0.055, -0.122, 0.145), (0.024, 0.014, 0.02), glow)
    kit.ball((0, -0.132, 0.085), (0.055, 0.016, 0.014), glow)


@kind("toy rocket", 40, "top", "red", "plastic", rare=True)
def toy_rocket(kit: Kit) -> None:
    kit.main = replace(kit.main, texture="glaze")
    white = replace(kit.surface("white", "plastic"), texture="glaze")
    kit.turned([(0, 0.06), (0.045, 0.06), (0.07, 0.15), (0.068, 0.30)], white)
    kit.turned([(0.068, 0.30), (0.05, 0.37), (0.02, 0.42), (0, 0.44)])
    kit.turned([(0, 0.03), (0.05, 0.03), (0.038, 0.065), (0, 0.065)], kit.surface("gray", "metal"))
    kit.turned([(0.0705, 0.155), (0.0712, 0.185)])
    for k in range(4):
        fin = shapes.prism([(0.05, 0.0), (0.13, -0.10), (0.13, -0.02), (0.06, 0.10)], 0.012)
        turn = shapes.rotation((0, 0, 45 + 90 * k)) @ shapes.rotation((90, 0, 0))
        kit.add(fin.moved(turn, (0, 0, 0.1)), kit.main)
    kit.add(shapes.torus(0.024, 0.007), kit.main, (0, -0.071, 0.24), (90, 0, 0))
    kit.ball((0, -0.062, 0.24), (0.022, 0.014, 0.022), kit.surface("turquoise", "glass"))


@kind("toy robot", 40, "top", "turquoise", "metal", rare=True)
def toy_robot(kit: Kit) -> None:
    kit.main = replace(kit.main, texture="plain")
    steel, red, lit = kit.surface("gray", "metal"), kit.surface("red", "plastic"), kit.surface("yellow", "plastic")
    kit.box((0, 0, 0.2), (0.17, 0.11, 0.18))
    kit.box((0, -0.058, 0.21), (0.11, 0.008, 0.10), steel)
    for x, look in ((-0.03, red), (0, lit), (0.03, kit.surface("green", "plastic"))):
        kit.ball((x, -0.063, 0.235), 0.012, look)
    kit.box((0, -0.063, 0.19), (0.08, 0.005, 0.02), kit.surface("black", "plastic"))
    kit.cylinder((0, 0, 0.285), 0.03, 0.02, steel)
    kit.box((0, 0, 0.355), (0.13, 0.10, 0.10))
    kit.box((0, -0.052, 0.33), (0.07, 0.006, 0.016), steel)
    kit.rod((0, 0, 0.40), (0, 0, 0.45), 0.005, steel)
    kit.ball((0, 0, 0.455), 0.016, red)
    for x in (-1, 1):
        kit.ball((x * 0.032, -0.05, 0.375), 0.018, lit)
        kit.cylinder((x * 0.045, 0, 0.03), 0.026, 0.09, steel)
        kit.box((x * 0.05, -0.02, 0.02), (0.07, 0.12, 0.04))
        kit.bent([(x * 0.085, 0, 0.27), (x * 0.12, 0, 0.24), (x * 0.125, -0.04, 0.17)], 0.018, steel)
        kit.ball((x * 0.125, -0.05, 0.15), 0.025, red)


@kind("telescope", 40, "floor", "white", "metal", rare=True)
def telescope(kit: Kit) -> None:
    black = kit.surface("black", "metal")
    tube_white = replace(kit.main, texture="glaze")
    for angle in np.array([90, 210, 330]) * np.pi / 180:
        kit.rod((0.34 * np.cos(angle), 0.34 * np.sin(angle), 0), (0, 0, 0.92), 0.016, kit.surface("brown", "wooden"))
    kit.ball((0, 0, 0.93), 0.045, black)
    way = np.array([0, -np.cos(0.6), np.sin(0.6)])
    middle = np.array([0, 0, 0.99])
    kit.rod(middle - way * 0.38, middle + way * 0.40, 0.062, tube_white)
    kit.rod(middle + way * 0.38, middle + way * 0.55, 0.075, black)
    kit.rod(middle - way * 0.52, middle - way * 0.36, 0.028, black)
    finder = middle + np.array([0, 0, 0.085])
    kit.rod(finder, finder + way * 0.2, 0.016, black)
