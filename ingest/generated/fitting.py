"""Free space in a room: boxes that are taken, and whether another one fits."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .geometry import yaw_rotation
from .kit import Thing

Box = tuple[NDArray[np.float64], NDArray[np.float64]]


def turned_box(thing: Thing, yaw: float, origin: ArrayLike) -> Box:
    """The axis-aligned box of a thing turned about z and put at `origin`."""
    points = np.concatenate([part.mesh.vertices for part in thing.parts]) @ yaw_rotation(yaw).T + np.asarray(origin)
    return points.min(axis=0), points.max(axis=0)


@dataclass
class FreeSpace:
    """What is taken: solid boxes that nothing may enter, and keep-clear boxes that only furniture avoids."""

    solid: list[Box] = field(default_factory=list)
    owner: list[int] = field(default_factory=list)
    clear: list[Box] = field(default_factory=list)

    def take(self, box: Box, owner: int) -> None:
        """A thing stands here now."""
        self.solid.append(box)
        self.owner.append(owner)

    def keep_clear(self, low: ArrayLike, high: ArrayLike) -> None:
        """Leave room, such as in front of a door."""
        self.clear.append((np.asarray(low, np.float64), np.asarray(high, np.float64)))

    def fits(self, box: Box, gap: float = 0.02, ignore: int | None = None, furniture: bool = False) -> bool:
        """Whether a box leaves `gap` metres to everything solid, but for the object `ignore`."""
        taken = [b for b, owner in zip(self.solid, self.owner, strict=True) if owner != ignore]
        taken += self.clear if furniture else []
        if not taken:
            return True
        low, high = np.array([b[0] for b in taken]), np.array([b[1] for b in taken])
        apart = (low >= box[1] + gap) | (high <= box[0] - gap)
        return bool(apart.any(axis=1).all())
