"""The workbench that objects are put together on.

An object stands on z = 0 with its middle over the origin; its front looks towards -y, its back (what leans on a wall)
is the plane of largest y. Things that hang on a wall have their lower edge on z = 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import shapes
from .palette import COLOURS, Surface, surface, vary
from .shapes import Mesh


@dataclass(frozen=True)
class Part:
    """One solid of an object and how it looks."""

    mesh: Mesh
    surface: Surface


@dataclass(frozen=True)
class Support:
    """A level rectangle on which other things may stand."""

    centre: tuple[float, float]  # metres, object coordinates
    size: tuple[float, float]
    z: float
    headroom: float  # metres of free space above

    def scaled(self, factor: float) -> "Support":
        """That of a thing in another size."""
        (x, y), (width, depth) = self.centre, self.size
        centre, size = (factor * x, factor * y), (factor * width, factor * depth)
        return Support(centre, size, factor * self.z, factor * self.headroom)


@dataclass(frozen=True)
class Thing:
    """An object before it is put anywhere, with the words that are true of it."""

    label: str
    colour: str | None  # None where no single word is true
    material: str | None
    parts: tuple[Part, ...]
    supports: tuple[Support, ...]

    @property
    def bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(3,) smallest and largest coordinates, metres."""
        points = np.concatenate([part.mesh.vertices for part in self.parts])
        return points.min(axis=0), points.max(axis=0)

    @property
    def description(self) -> str:
        """Such as "red wooden chair"."""
        words = (self.colour, self.material, self.label)
        return " ".join(word for word in words if word and (word == self.label or word not in self.label))

    def scaled(self, factor: float) -> "Thing":
        """The same in another size."""
        parts = tuple(replace(p, mesh=replace(p.mesh, vertices=factor * p.mesh.vertices)) for p in self.parts)
        return replace(self, parts=parts, supports=tuple(s.scaled(factor) for s in self.supports))


@dataclass
class Kit:
    """Collects the parts of one object; `main` is the surface that its colour and material words name."""

    rng: np.random.Generator
    colour: str | None
    material: str | None
    parts: list[Part] = field(default_factory=list)
    supports: list[Support] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.main = self.surface(self.colour or "white", self.material or "plastic")

    def surface(self, colour: str, material: str, accent: str = "white") -> Surface:
        """A further surface, by its words."""
        return surface(colour, material, self.rng, accent)

    def patterned(self, *textures: str, scale: float = 0.08) -> Surface:
        """The main surface, in half of the cases with one of `textures` in white (or another light colour) on it."""
        if self.rng.random() < 0.5:
            return self.main
        texture = textures[self.rng.integers(len(textures))]
        accent = "white" if self.colour not in ("white", "beige") else "gray"
        return replace(self.main, texture=texture, accent=vary(COLOURS[accent], self.rng), scale=scale)

    def between(self, low: float, high: float) -> float:
        """A random number of the range."""
        return float(low + (high - low) * self.rng.random())

    def pick(self, choices: Sequence[str]) -> str:
        """One of `choices`."""
        return choices[int(self.rng.integers(len(choices)))]

    def add(self, mesh: Mesh, look: Surface, at: ArrayLike = (0, 0, 0), turn: ArrayLike = (0, 0, 0)) -> None:
        """Put in a mesh: turned by degrees about x, y, z, then shifted to `at`."""
        self.parts.append(Part(mesh.moved(shapes.rotation(turn), at), look))

    def box(self, at: ArrayLike, size: ArrayLike, look: Surface | None = None, turn: ArrayLike = (0, 0, 0)) -> None:
        """A cuboid whose middle is at `at`."""
        self.add(shapes.box(size), look or self.main, at, turn)

    def ball(self, at: ArrayLike, radii: ArrayLike, look: Surface | None = None, turn: ArrayLike = (0, 0, 0)) -> None:
        """An ellipsoid whose middle is at `at`; one radius makes a sphere."""
        self.add(shapes.ellipsoid(np.broadcast_to(radii, 3)), look or self.main, at, turn)

    def rod(self, start: ArrayLike, end: ArrayLike, radius: float, look: Surface | None = None) -> None:
        """A straight round rod."""
        self.add(shapes.tube(np.array([start, end], np.float64), radius), look or self.main)

    def bent(self, path: ArrayLike, radius: float | Sequence[float], look: Surface | None = None) -> None:
        """A round rod along a polyline."""
        self.add(shapes.tube(path, radius), look or self.main)

    def turned(self, profile: ArrayLike, look: Surface | None = None, at: ArrayLike = (0, 0, 0)) -> None:
        """A solid of revolution about the vertical through `at`; (radius, height) from the bottom up."""
        self.add(shapes.lathe(profile), look or self.main, at)

    def cylinder(
        self, at: ArrayLike, radius: float, height: float, look: Surface | None = None, top: float | None = None
    ) -> None:
        """A standing cylinder whose foot is at `at`; `top` is the upper radius of a cone."""
        self.add(shapes.cylinder(radius, height, top), look or self.main, at)

    def legs(self, width: float, depth: float, height: float, thickness: float, look: Surface | None = None) -> None:
        """Four square legs at the corners of a rectangle."""
        for x in (-1, 1):
            for y in (-1, 1):
                place = (x * (width - thickness) / 2, y * (depth - thickness) / 2, height / 2)
                self.box(place, (thickness, thickness, height), look)

    def support(self, centre: tuple[float, float], size: tuple[float, float], z: float, headroom: float = 1.0) -> None:
        """Declare that things may stand here."""
        self.supports.append(Support(centre, size, z, headroom))

    def finished(self, label: str) -> Thing:
        """The object; its middle is moved over the origin and its foot to z = 0, exactly."""
        draft = Thing(label, self.colour, self.material, tuple(self.parts), tuple(self.supports))
        low, high = draft.bounds
        shift = np.array([-(low[0] + high[0]) / 2, -(low[1] + high[1]) / 2, -low[2]])
        parts = tuple(replace(part, mesh=part.mesh.moved(np.eye(3), shift)) for part in self.parts)
        supports = tuple(
            replace(s, centre=(s.centre[0] + shift[0], s.centre[1] + shift[1]), z=s.z + shift[2]) for s in self.supports
        )
        return replace(draft, parts=parts, supports=supports)
