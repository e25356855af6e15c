"""Where one sleeps, and what is soft."""

from .. import shapes
from ..kinds import kind
from ..kit import Kit

SOFT = "red orange yellow green turquoise blue purple pink white gray"


@kind("bed", 4, "wall", SOFT, "fabric")
def bed(kit: Kit) -> None:
    width, length = kit.between(1.0, 1.6), 2.0
    wood = kit.surface(kit.pick(("brown", "white", "black")), "wooden")
    kit.box((0, 0, 0.19), (width, length, 0.14), wood)
    kit.legs(width, length, 0.12, 0.07, wood)
    kit.box((0, length / 2 + 0.03, 0.52), (width + 0.06, 0.06, 0.85), wood)
    kit.box((0, -length / 2 - 0.02, 0.28), (width + 0.06, 0.04, 0.40), wood)
    kit.box((0, 0, 0.34), (width - 0.04, length - 0.02, 0.18), kit.surface("white", "fabric"))
    cover = kit.patterned("stripes", "checker", "dots", "plaid", scale=0.16)
    kit.box((0, -0.24, 0.40), (width + 0.02, length * 0.72, 0.11), cover)
    kit.box((0, length * 0.16, 0.462), (width + 0.025, 0.26, 0.02), kit.surface("white", "fabric"))
    sleepers = 2 if width > 1.3 else 1
    for k in range(sleepers):
        x = (k - (sleepers - 1) / 2) * width * 0.48
        kit.add(
            shapes.pillow((min(0.62, width * 0.6), 0.42, 0.16)),
            kit.surface("white", "fabric"),
            (x, length / 2 - 0.25, 0.49),
            (12, 0, 0),
        )
    kit.support((0, -0.35), (width * 0.85, 1.0), 0.455, 0.8)


@kind("pillow", 18, "top", SOFT + " black brown", "fabric")
def pillow(kit: Kit) -> None:
    size = kit.between(0.38, 0.46)
    cover = kit.patterned("stripes", "checker", "dots", "plaid", scale=0.07)
    kit.add(shapes.pillow((size, size, 0.15)), cover, (0, 0, 0.07), (0, 0, kit.between(-20, 20)))


@kind("teddy bear", 40, "top", "brown beige white pink", "plush")
def teddy_bear(kit: Kit) -> None:
    pale, dark = kit.main.darker(1.3), kit.surface("black", "plastic")
    kit.ball((0, 0, 0.12), (0.10, 0.085, 0.12))
    kit.ball((0, -0.05, 0.12), (0.065, 0.045, 0.08), pale)
    kit.ball((0, 0, 0.29), (0.085, 0.08, 0.08))
    kit.ball((0, -0.07, 0.27), (0.042, 0.035, 0.034), pale)
    kit.ball((0, -0.105, 0.28), (0.016, 0.01, 0.012), dark)
    for x in (-1, 1):
        kit.ball((x * 0.065, 0.01, 0.36), (0.035, 0.02, 0.035))
        kit.ball((x * 0.065, -0.01, 0.36), (0.02, 0.012, 0.02), pale)
        kit.ball((x * 0.032, -0.07, 0.31), 0.011, dark)
        kit.ball((x * 0.12, -0.03, 0.16), (0.035, 0.05, 0.075), turn=(35, x * -25, 0))
        kit.ball((x * 0.07, -0.13, 0.042), (0.042, 0.09, 0.042))
        kit.ball((x * 0.07, -0.215, 0.05), (0.035, 0.014, 0.04), pale)


@kind("lamp", 35, "top", "white yellow red blue green orange pink beige", "fabric")
def table_lamp(kit: Kit) -> None:
    base = kit.surface(kit.pick(("white", "brown", "blue", "black")), "ceramic")
    kit.turned(
        [(0, 0), (0.075, 0), (0.08, 0.02), (0.03, 0.05), (0.07, 0.12), (0.055, 0.19), (0.018, 0.23), (0, 0.23)], base
    )
    kit.cylinder((0, 0, 0.22), 0.01, 0.1, kit.surface("gray", "metal"))
    kit.turned([(0.14, 0.27), (0.09, 0.45), (0.085, 0.45), (0.135, 0.27)], kit.main.darker(1.12))


@kind("floor lamp", 35, "floor", "white yellow red orange beige black", "fabric")
def floor_lamp(kit: Kit) -> None:
    pole = kit.surface(kit.pick(("black", "gray", "brown")), "metal")
    height = kit.between(1.45, 1.65)
    kit.turned([(0, 0), (0.15, 0), (0.15, 0.02), (0.02, 0.04), (0, 0.04)], pole)
    kit.cylinder((0, 0, 0.03), 0.014, height - 0.1, pole)
    kit.turned([(0.21, height - 0.3), (0.13, height), (0.125, height), (0.205, height - 0.3)], kit.main.darker(1.12))


@kind("rug", 40, "middle", SOFT + " brown beige", "fabric")
def rug(kit: Kit) -> None:
    cover = kit.patterned("stripes", "checker", "plaid", "dots", scale=0.25)
    width, depth = kit.between(1.4, 2.0), kit.between(1.0, 1.4)
    kit.box((0, 0, 0.005), (width, depth, 0.01), kit.main.darker(0.7))
    kit.box((0, 0, 0.0062), (width - 0.14, depth - 0.14, 0.011), cover)
