"""Draws docs/pictures/relations.png: where a small thing has to be for a relation to hold, by the predicates.

python docs/draw_relations.py
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from ovstore.core.features import OrientedBox
from ovstore.store.search.relations import predicates
from ovstore.store.search.relations.shapes import Shape
from PIL import Image, ImageDraw

SIZE, CELLS = 240, 48
SPAN = 2.4  # metres that a panel shows
THING = np.array([0.2, 0.2, 0.2])


def block(low: tuple[float, ...], high: tuple[float, ...], spacing: float = 0.05) -> np.ndarray:
    """The points of a box along the axes."""
    sides = [np.linspace(a, b, max(2, round((b - a) / spacing) + 1)) for a, b in zip(low, high, strict=True)]
    return np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1).reshape(-1, 3)


def shape(points: np.ndarray) -> Shape:
    """With its box."""
    low, high = points.min(axis=0), points.max(axis=0)
    return Shape(OrientedBox((low + high) / 2, np.eye(3), high - low), lambda: points)


TABLE = np.concatenate([
    block((-0.6, -0.4, 0.95), (0.6, 0.4, 1.0)), block((-0.6, -0.4, 0.0), (-0.5, 0.4, 0.95)),
    block((0.5, -0.4, 0.0), (0.6, 0.4, 0.95)),
])  # fmt: skip
LEFT, RIGHT = block((-1.1, -0.3, 0.0), (-0.7, 0.3, 0.6)), block((0.7, -0.3, 0.0), (1.1, 0.3, 0.6))
VIEWER = np.array([0.0, -3.0, 1.5])
PANELS: list[tuple[str, str, list[np.ndarray], Callable[..., float]]] = [
    (name, "side", [TABLE], getattr(predicates, name))
    for name in ("near", "on", "under", "below", "above", "inside", "beside")
]
PANELS += [
    ("between (from above)", "top", [LEFT, RIGHT], predicates.between),
    ("left of (from above)", "top", [TABLE], lambda a, b: predicates.left_of(a, b, VIEWER)),
    ("in front of (from above)", "top", [TABLE], lambda a, b: predicates.in_front_of(a, b, VIEWER)),
]


def panel(name: str, view: str, landmarks: list[np.ndarray], measure: Callable[..., float]) -> Image.Image:
    """Green where the relation holds, the darker the better; the landmark in grey; the viewer is below."""
    up, low = (2, -0.2) if view == "side" else (1, -SPAN / 2)
    thing = block((0, 0, 0), tuple(THING), 0.1)
    shapes = [shape(points) for points in landmarks]
    grades = np.zeros((CELLS, CELLS))
    step = SPAN / CELLS
    for row in range(CELLS):
        for column in range(CELLS):
            place = np.array([-SPAN / 2 + (column + 0.5) * step, 0.0, 0.3])
            place[up] = low + (row + 0.5) * step
            grades[CELLS - 1 - row, column] = measure(shape(thing + place - THING / 2), *shapes)
    colour = np.full((CELLS, CELLS, 3), 255.0)
    holds = grades >= predicates.HOLDS
    colour[holds] = (1 - grades[holds, None]) * (255, 255, 255) + grades[holds, None] * (40, 160, 80)
    picture = Image.fromarray(colour.astype(np.uint8)).resize((SIZE, SIZE), Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(picture)
    for points in landmarks:
        for x, y in {(round(float(p[0]), 2), round(float(p[up]), 2)) for p in points}:
            u, v = (x + SPAN / 2) / SPAN * SIZE, SIZE - (y - low) / SPAN * SIZE
            draw.rectangle((u - 2, v - 2, u + 2, v + 2), fill=(150, 150, 150))
    draw.rectangle((0, 0, SIZE - 1, SIZE - 1), outline=(200, 200, 200))
    draw.text((8, 6), name, fill=(0, 0, 0))
    return picture


def main() -> None:
    """Two rows of five panels, and what they show."""
    sheet = Image.new("RGB", (5 * SIZE, 2 * SIZE), "white")
    for number, one in enumerate(PANELS):
        sheet.paste(panel(*one), (number % 5 * SIZE, number // 5 * SIZE))
    sheet.save(Path(__file__).parent / "pictures" / "relations.png", optimize=True)


if __name__ == "__main__":
    main()
