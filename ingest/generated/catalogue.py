"""The classes of objects: all that `things/` draws, by name."""

import numpy as np

from .kinds import KINDS
from .kit import Kit, Thing
from .things import (
    bathroom,
    bedroom,
    clutter,
    decor,
    kitchen,
    office,
    planted,
    seating,
    shell,
    storage,
    tables,
    untaught,
)

THEMES = (shell, seating, tables, storage, bedroom, kitchen, bathroom, office, decor, clutter, planted, untaught)


def make(name: str, rng: np.random.Generator, colour: str | None = None, material: str | None = None) -> Thing:
    """One object of a class, with words of its class drawn at random unless they are given."""
    drawn = KINDS[name]
    if drawn.colours:
        colour = colour or drawn.colours[int(rng.integers(len(drawn.colours)))]
    if drawn.materials:
        material = material or drawn.materials[int(rng.integers(len(drawn.materials)))]
    kit = Kit(rng, colour, material)
    drawn.draw(kit)
    return kit.finished(name)


def class_names(rare: bool | None = None) -> list[str]:
    """Names of all classes, or of the planted ones, or of the others; in the order of the catalogue.

    Without those that no encoder may be trained on.
    """
    return [name for name, drawn in KINDS.items() if drawn.taught and rare in (None, drawn.rare)]
