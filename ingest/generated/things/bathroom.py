"""Where one washes."""

from dataclasses import replace

import numpy as np

from .. import shapes
from ..kinds import kind
from ..kit import Kit


def _tap(kit: Kit, x: float, y: float, z: float) -> None:
    steel = kit.surface("gray", "metal").darker(1.2)
    kit.cylinder((x, y, z), 0.025, 0.02, steel)
    kit.bent(
        [(x, y, z), (x, y, z + 0.15), (x, y - 0.05, z + 0.19), (x, y - 0.12, z + 0.17), (x, y - 0.13, z + 0.14)],
        0.013,
        steel,
    )
    for side in (-1, 1):
        kit.rod((x + side * 0.03, y, z + 0.03), (x + side * 0.08, y, z + 0.05), 0.011, steel)


def _basin_wall(outer: float, inner: float, low: float, high: float) -> list[tuple[float, float]]:
    """A bowl's profile: outside up from `low`, over the rim at `high`, down inside."""
    return [(0, low), (outer * 0.75, low), (outer, high), (inner, high), (inner * 0.75, low + 0.03), (0, low + 0.02)]


@kind("toilet", 33, "wall", "white beige pink", "ceramic")
def toilet(kit: Kit) -> None:
    dark = kit.surface("gray", "ceramic").darker(0.8)
    bowl = shapes.lathe(
        [(0, 0.0), (0.12, 0), (0.10, 0.12), (0.18, 0.30), (0.19, 0.39), (0.13, 0.39), (0.09, 0.25), (0, 0.22)]
    )
    kit.add(_stretched(bowl, (1, 1.3, 1)), kit.main, (0, -0.1, 0))
    kit.add(_stretched(shapes.torus(0.155, 0.03), (1, 1.3, 0.5)), kit.main.darker(0.95), (0, -0.1, 0.405))
    kit.add(_stretched(shapes.cylinder(0.1, 0.01), (1, 1.3, 1)), dark, (0, -0.1, 0.26))
    kit.box((0, 0.2, 0.19), (0.24, 0.18, 0.38))
    kit.box((0, 0.26, 0.58), (0.40, 0.17, 0.38))
    kit.box((0, 0.26, 0.785), (0.43, 0.19, 0.035), kit.main.darker(0.94))
    kit.add(_stretched(shapes.cylinder(0.19, 0.03), (1, 1.3, 1)), kit.main, (0, 0.12, 0.64), (80, 0, 0))
    kit.cylinder((0, 0.26, 0.80), 0.025, 0.01, kit.surface("gray", "metal"))


def _stretched(mesh: shapes.Mesh, factors: tuple[float, float, float]) -> shapes.Mesh:
    """Scaled along the axes, normals kept at right angles to the surface."""
    normals = mesh.corner_normals / np.array(factors, np.float32)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    return shapes.Mesh(mesh.vertices * factors, mesh.faces, normals.astype(np.float32))


@kind("sink", 34, "wall", "white beige gray", "ceramic")
def sink(kit: Kit) -> None:
    bowl = shapes.lathe(_basin_wall(0.26, 0.22, 0.66, 0.84))
    kit.add(_stretched(bowl, (1.1, 0.85, 1)), kit.main)
    kit.add(shapes.cylinder(0.025, 0.005), kit.surface("gray", "metal"), (0, 0, 0.682))
    kit.box((0, 0.2, 0.79), (0.56, 0.14, 0.1))
    kit.turned([(0, 0), (0.12, 0), (0.11, 0.04), (0.075, 0.1), (0.075, 0.62), (0.12, 0.68), (0, 0.68)], at=(0, 0.06, 0))
    _tap(kit, 0, 0.19, 0.84)


@kind("bathtub", 36, "wall", "white turquoise pink", "ceramic")
def bathtub(kit: Kit) -> None:
    length, depth, height, rim = kit.between(1.5, 1.7), 0.72, 0.56, 0.07
    for x in (-1.0, 1.0):
        kit.box((x * (length - rim) / 2, 0, height / 2), (rim, depth, height))
    for y in (-1.0, 1.0):
        kit.box((0, y * (depth - rim) / 2, height / 2), (length, rim, height))
    kit.box((0, 0, 0.07), (length - rim, depth - rim, 0.14))
    water = replace(kit.surface("turquoise", "glass").darker(1.2), scale=0.25)
    kit.box((0, 0, 0.30), (length - 2 * rim, depth - 2 * rim, 0.02), water)
    steel = kit.surface("gray", "metal")
    kit.bent(
        [
            (-length / 2 + 0.04, 0, height),
            (-length / 2 + 0.04, 0, height + 0.12),
            (-length / 2 + 0.15, 0, height + 0.13),
        ],
        0.018,
        steel,
    )
    for y in (-0.1, 0.1):
        kit.cylinder((-length / 2 + 0.04, y, height), 0.02, 0.05, steel)
        kit.ball((-length / 2 + 0.04, y, height + 0.06), 0.025, steel)


@kind("shower curtain", 28, "hung", "white blue turquoise pink green", "plastic")
def shower_curtain(kit: Kit) -> None:
    cover = kit.patterned("bands", "dots", "stripes", scale=0.14)
    kit.add(shapes.wavy_sheet(0.8, 1.8, 8, 0.07), cover)
    kit.rod((-0.5, 0, 1.84), (0.5, 0, 1.84), 0.014, kit.surface("gray", "metal"))
    for x in np.linspace(-0.36, 0.36, 8):
        kit.add(shapes.torus(0.022, 0.004, 10), kit.surface("gray", "metal"), (x, 0, 1.83), (0, 90, 0))


@kind("towel", 27, "hung", "white blue red green yellow pink orange purple", "fabric")
def towel(kit: Kit) -> None:
    width = kit.between(0.4, 0.5)
    cover = kit.patterned("bands", scale=0.16)
    kit.add(shapes.wavy_sheet(width, 0.7, 3, 0.03, 0.02), cover, (0, 0, 0))
    kit.rod((-width / 2 - 0.08, 0, 0.7), (width / 2 + 0.08, 0, 0.7), 0.014, kit.surface("gray", "metal"))


@kind("toilet paper", 40, "top", "white", "paper")
def toilet_paper(kit: Kit) -> None:
    kit.turned([(0.02, 0), (0.055, 0), (0.055, 0.1), (0.02, 0.1), (0.02, 0)])
    kit.turned([(0.0205, 0.001), (0.0205, 0.099)][::-1], kit.surface("brown", "cardboard"))


@kind("washing machine", 39, "wall", "white gray black", "metal")
def washing_machine(kit: Kit) -> None:
    body = replace(kit.main, texture="plain")
    kit.box((0, 0, 0.42), (0.6, 0.56, 0.84), body)
    kit.add(shapes.torus(0.18, 0.03), kit.surface("gray", "metal").darker(1.2), (0, -0.285, 0.42), (90, 0, 0))
    kit.ball((0, -0.28, 0.42), (0.16, 0.035, 0.16), replace(kit.surface("blue", "glass").darker(0.5), texture="glaze"))
    kit.box((0.0, -0.285, 0.76), (0.56, 0.012, 0.1), body.darker(0.85))
    kit.add(shapes.cylinder(0.035, 0.03), kit.surface("gray", "metal"), (0.16, -0.285, 0.76), (90, 0, 0))
    kit.box((-0.16, -0.29, 0.76), (0.14, 0.012, 0.05), kit.surface("black", "plastic"))
    kit.support((0, 0), (0.56, 0.5), 0.84, 0.7)


@kind("bucket", 40, "floor", "red blue green yellow gray turquoise", "plastic metal")
def bucket(kit: Kit) -> None:
    kit.turned(
        [(0, 0), (0.10, 0), (0.14, 0.27), (0.146, 0.27), (0.146, 0.285), (0.13, 0.285), (0.09, 0.015), (0, 0.015)]
    )
    angle = np.linspace(0, np.pi, 11)
    kit.bent(
        np.c_[0.145 * np.cos(angle), -0.05 - 0.06 * np.sin(angle), 0.27 + 0.1 * np.sin(angle)],
        0.006,
        kit.surface("gray", "metal"),
    )
