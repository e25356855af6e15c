"""Furnishes one room: where everything stands, so that nothing floats and nothing enters another."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from . import shell
from .catalogue import make
from .fitting import FreeSpace, turned_box
from .geometry import PlacedObject, yaw_rotation
from .kinds import KINDS
from .kit import Thing
from .pairs import Pair, lookalike, twins
from .programme import ALIGNED, ON_TOP, OTHERWISE, PLANTED_ON, PROGRAMMES, Programme

_TURNS = np.radians([0, -90, 180, 90])  # of the walls at +y, +x, -y, -x: their fronts look into the room


@dataclass(frozen=True)
class Room:
    """A furnished room in its own axes: the floor is z = 0, the middle of the floor the origin, walls along x and y."""

    scene_type: str
    size: NDArray[np.float64]  # (3,) metres
    objects: tuple[PlacedObject, ...]
    space: FreeSpace


def furnish(
    rng: np.random.Generator,
    planted: Sequence[str] = (),
    clutter: float = 1.0,
    scene_type: str | None = None,
    planted_scale: float = 1.0,
    without: Sequence[str] = (),
    twins: Sequence[str] = (),
    lookalikes: Sequence[tuple[str, str]] = (),
) -> Room:
    """A room, of any type unless one is given; `clutter` multiplies the number of small things.

    It holds the things `planted`, their size multiplied by `planted_scale`, and else none of the small ones `without`;
    and, where there is room, two touching things of each kind of `twins` and the things `lookalikes`.
    """
    fitting = [p for p in PROGRAMMES if scene_type in (None, p.scene_type)]
    programme = fitting[int(rng.integers(len(fitting)))]
    builder = _Builder(rng, programme, frozenset(planted))
    builder.shell()
    builder.openings()
    for name in twins:
        if KINDS[name].place != "top":
            builder.twins(name)
    for name in programme.first:
        builder.furniture(name)
    for name in _some(rng, _left(programme.more, without), 0.5):
        builder.furniture(name)
    for name in planted:
        builder.plant(name, planted_scale)
    for name in twins:
        if KINDS[name].place == "top":
            builder.twins(name)
    for name, like in lookalikes:
        builder.lookalike(name, like)
    for name in _some(rng, _left(programme.hung, without), 0.7):
        builder.hang(name)
    for name in _some(rng, _left(programme.floor, without), min(1.0, 0.5 * clutter)):
        builder.on_floor(name)
    builder.on_top(clutter, without)
    return Room(programme.scene_type, builder.size, tuple(builder.objects), builder.space)


def _left(names: Sequence[str], without: Sequence[str]) -> list[str]:
    return [name for name in names if name not in without]


def _some(rng: np.random.Generator, names: Sequence[str], share: float) -> list[str]:
    count = max(1, round(len(names) * share))
    return [names[k] for k in rng.permutation(len(names))[:count]]


class _Builder:
    """The room while it is being furnished."""

    def __init__(self, rng: np.random.Generator, programme: Programme, planted: frozenset[str]) -> None:
        self.rng, self.programme, self.planted = rng, programme, planted
        self.size = np.array([3.8, 3.4, 2.5]) + np.array([1.1, 1.0, 0.25]) * rng.random(3)
        self.objects: list[PlacedObject] = []
        self.space = FreeSpace()

    def place(
        self, thing: Thing, yaw: float, origin: Sequence[float], solid: bool = True, on: int | None = None
    ) -> None:
        if isinstance(thing, Pair):
            self._place_both(thing, yaw, origin, on)
            return
        drawn = KINDS.get(thing.label)
        nyu40 = drawn.nyu40 if drawn else {"wall": 1, "floor": 2, "ceiling": 22}[thing.label]
        number = len(self.objects)
        planted = thing.label in self.planted
        self.objects.append(PlacedObject(number, thing, nyu40, planted, solid, yaw, np.array(origin, float), on))
        if solid:
            self.space.take(turned_box(thing, yaw, origin), number)

    def _place_both(self, pair: Pair, yaw: float, origin: Sequence[float], on: int | None) -> None:
        first = len(self.objects)
        for member, along in pair.members:
            self.place(member, yaw, (yaw_rotation(yaw) @ (along, 0, 0) + origin).tolist(), on=on)
        self.objects[first] = replace(self.objects[first], touches=first + 1)
        self.objects[first + 1] = replace(self.objects[first + 1], touches=first)

    def shell(self) -> None:
        """Floor, ceiling and four walls."""
        width, depth, height = self.size
        ground = shell.floor_look(self.rng, self.programme.floor_textures)
        self.place(shell.sheet("floor", ground, width, depth, 0), 0, (0, 0, 0), solid=False)
        white = shell.ceiling_look(self.rng)
        self.place(shell.sheet("ceiling", white, width, depth, 180), 0, (0, 0, height), solid=False)
        pale = shell.wall_look(self.rng, self.programme.wall_textures)
        for wall, yaw in enumerate(_TURNS):
            side = width if wall % 2 == 0 else depth
            self.place(
                shell.sheet("wall", pale, side, height, 90), float(yaw), self._at_wall(wall, 0, 0, 0), solid=False
            )

    def _at_wall(self, wall: int, along: float, inward: float, z: float) -> tuple[float, float, float]:
        """A place `along` metres right of the wall's middle and `inward` metres from it."""
        half = self.size[1 - wall % 2] / 2
        x, y, _ = yaw_rotation(float(_TURNS[wall])) @ (along, half - inward, 0)
        return float(x), float(y), z

    def openings(self) -> None:
        """A door with free floor before it, a window or two with curtains."""
        walls = [int(w) for w in self.rng.permutation(4)]
        door = make("door", self.rng)
        reach = self._length(walls[0]) / 2 - 0.7
        along = self._between(-reach, reach)
        self._hang_at(door, walls[0], along, 0.0)
        corners = np.array([self._at_wall(walls[0], along + s, d, 0) for s in (-0.5, 0.5) for d in (0.0, 0.9)])
        self.space.keep_clear(corners.min(axis=0), corners.max(axis=0) + np.array([0, 0, 2]))
        for wall in walls[1 : 2 + int(self.rng.integers(2))]:
            window = make("window", self.rng)
            reach = self._length(wall) / 2 - 1.2
            along = self._between(-reach, reach)
            self._hang_at(window, wall, along, 0.95)
            if self.rng.random() < 0.6:
                curtain = make("curtain", self.rng)
                for side in (-1, 1):
                    half = window.bounds[1][0] + curtain.bounds[1][0] + 0.03
                    self._hang_at(curtain, wall, along + side * half, 0.12)

    def _hang_at(self, thing: Thing, wall: int, along: float, z: float, furniture: bool = False) -> bool:
        high = thing.bounds[1]
        if abs(along) + high[0] > self._length(wall) / 2 - 0.02 or z + high[2] > self.size[2] - 0.03:
            return False
        origin = self._at_wall(wall, along, high[1] + 0.002, z)
        yaw = float(_TURNS[wall])
        if not self.space.fits(turned_box(thing, yaw, origin), 0.03, furniture=furniture):
            return False
        self.place(thing, yaw, origin)
        return True

    def _length(self, wall: int) -> float:
        return float(self.size[wall % 2])

    def _between(self, low: float, high: float) -> float:
        return float(low + max(high - low, 0) * self.rng.random())

    def furniture(self, name: str) -> None:
        """One piece, where it fits; a room that is full goes without."""
        if name == "chairs":
            self._chairs()
            return
        options = name.split("/")
        thing = make(options[int(self.rng.integers(len(options)))], self.rng)
        place = KINDS[thing.label].place
        if place == "wall":
            self._against_wall(thing)
        elif place == "hung":
            self.hang(name)
        elif place == "middle":
            self._in_middle(thing)
        else:
            self.on_floor(name)

    def _against_wall(self, thing: Thing) -> bool:
        half = thing.bounds[1][0]
        for attempt in range(60):
            wall = int(self.rng.integers(4))
            reach = self._length(wall) / 2 - half - 0.04
            along = self._between(-reach, reach)
            if attempt % 2:  # corners are where big things stand
                along = float(np.copysign(reach, along))
            if self._hang_at(thing, wall, along, 0.0, furniture=True):
                return True
        return False

    def _in_middle(self, thing: Thing) -> bool:
        for attempt in range(40):
            reach = (self.size[:2] / 2 - 1.0) * min(1.0, 0.3 + attempt / 30)
            x, y = (2 * self.rng.random(2) - 1) * reach
            yaw = float(_TURNS[int(self.rng.integers(2))])
            if self.space.fits(turned_box(thing, yaw, (x, y, 0)), 0.25, furniture=True):
                self.place(thing, yaw, (x, y, 0), solid=thing.label != "rug")
                return True
        return False

    def _chairs(self) -> None:
        """Alike chairs around the last table, looking at it."""
        tables = [o for o in self.objects if o.label in ("table", "round table")]
        if not tables:
            return
        table = tables[-1]
        thing, half = make("chair", self.rng), table.thing.bounds[1]
        for angle in np.radians([0, 180, 90, -90])[: int(self.rng.integers(2, 5))]:
            lengthways = abs(np.sin(angle)) > 0.5
            distance = (half[0] if lengthways else half[1]) + thing.bounds[1][1] + 0.03
            way = yaw_rotation(table.yaw + angle) @ (0, 1, 0)
            origin = table.origin + way * distance
            yaw = float(table.yaw + angle)
            box = turned_box(thing, yaw, origin)
            inside = (np.abs(origin[:2]) + thing.bounds[1][:2].max() < self.size[:2] / 2).all()
            if inside and self.space.fits(box, 0.02, furniture=True):
                self.place(thing, yaw, origin)

    def hang(self, name: str) -> bool:
        """On a wall, at the height such a thing hangs at."""
        return self._hang_up(make(name, self.rng))

    def _hang_up(self, thing: Thing) -> bool:
        tall = thing.bounds[1][2]
        for _ in range(30):
            z = {"radiator": 0.1, "shower curtain": 0.25, "towel": 0.8}.get(
                thing.label, self._between(1.7, 1.85) - tall / 2
            )
            wall = int(self.rng.integers(4))
            reach = self._length(wall) / 2 - thing.bounds[1][0] - 0.1
            if self._hang_at(thing, wall, self._between(-reach, reach), z):
                return True
        return False

    def on_floor(self, name: str, scale: float = 1.0) -> bool:
        """Anywhere on the free floor; small things rather near the walls."""
        return self._on_floor(make(name, self.rng).scaled(scale))

    def _on_floor(self, thing: Thing) -> bool:
        kind = KINDS[thing.label]
        if kind.place in ("middle", "wall"):
            return self._in_middle(thing) if kind.place == "middle" else self._against_wall(thing)
        for _ in range(40):
            yaw = self._between(-np.pi, np.pi)
            low, high = turned_box(thing, yaw, (0, 0, 0))
            reach = self.size[:2] / 2 - np.maximum(-low, high)[:2] - 0.05
            x, y = (2 * self.rng.random(2) - 1) * reach
            by_wall = (np.abs([x, y]) > reach - 0.35).any()
            if not (by_wall or kind.rare or self.rng.random() < 0.3):
                continue
            if self.space.fits(turned_box(thing, yaw, (x, y, 0)), 0.05, furniture=True):
                self.place(thing, yaw, (x, y, 0))
                return True
        return False

    def plant(self, name: str, scale: float) -> bool:
        """A thing to look for: on open furniture at a height one looks at, else on the floor."""
        if KINDS[name].place == "top":
            bearers = [o for o in self.objects if o.label in PLANTED_ON]
            for k in self.rng.permutation(len(bearers)):
                if self._put_on(bearers[k], 0, make(name, self.rng).scaled(scale)):
                    return True
        return self.on_floor(name, scale)

    def twins(self, name: str) -> bool:
        """Two of a kind that touch, where such things stand."""
        return self._stand(twins(name, self.rng), name)

    def lookalike(self, name: str, like: str) -> bool:
        """A thing in the look and the place of another kind."""
        return self._stand(lookalike(name, like, self.rng), like)

    def _stand(self, thing: Thing, as_name: str) -> bool:
        """A thing where those of a kind stand; on the floor where no furniture has a place for it."""
        if KINDS[as_name].place == "hung":
            return self._hang_up(thing)
        if KINDS[as_name].place == "top":
            bearers = [o for o in self.objects if o.label in PLANTED_ON]
            for k in self.rng.permutation(len(bearers)):
                if self._put_on(bearers[k], 0, thing):
                    return True
        return self._on_floor(thing)

    def on_top(self, clutter: float, without: Sequence[str]) -> None:
        """Clutter on everything that can bear it."""
        for bearer in list(self.objects):
            if bearer.label == "tv stand":
                self._put_on(bearer, 0, make("tv", self.rng))
            names = _left(ON_TOP.get(bearer.label, OTHERWISE), without)
            for number, support in enumerate(bearer.thing.supports if names else ()):
                area = support.size[0] * support.size[1]
                crowd = 9 if bearer.label == "bookshelf" else 7
                count = round(clutter * min(6.0, max(1.0, crowd * area)) * self._between(0.5, 1.2))
                order = self.rng.permutation(len(names))
                for k in range(count):
                    self._put_on(bearer, number, make(names[order[k % len(names)]], self.rng))

    def _put_on(self, bearer: PlacedObject, number: int, thing: Thing) -> bool:
        support = bearer.thing.supports[number]
        low, high = thing.bounds
        if high[2] > support.headroom:
            return False
        for _ in range(15):
            turn = self._between(-0.12, 0.12) if thing.label in ALIGNED else self._between(-0.6, 0.6)
            low, high = turned_box(thing, turn, (0, 0, 0))
            reach = np.array(support.size) / 2 - np.maximum(-low, high)[:2]
            if (reach < 0).any():
                continue
            place = (2 * self.rng.random(2) - 1) * reach
            if high[2] > 0.3:
                place[1] = abs(place[1])  # tall things to the back
            elif thing.label in ("keyboard", "mouse"):
                place[1] = -abs(place[1])
            local = np.array([support.centre[0] + place[0], support.centre[1] + place[1], support.z])
            origin = bearer.to_world(local)
            yaw = bearer.yaw + turn
            box = turned_box(thing, yaw, origin)
            inside = (box[0][:2] > -self.size[:2] / 2).all() and (box[1][:2] < self.size[:2] / 2).all()
            if inside and self.space.fits(box, 0.012, ignore=bearer.object_id):
                self.place(thing, yaw, origin.tolist(), on=bearer.object_id)
                return True
        return False
