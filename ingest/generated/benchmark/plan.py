"""What each scene of the frozen benchmark is: which rare thing it holds, how large, how coarsely it was scanned."""

from dataclasses import dataclass

import numpy as np

from ..programme import PROGRAMMES

VERSION = "ovstore-bench-1"
SEED, SCENES = 517, 60

PLANTED = (
    "snoopy", "rubber duck", "cactus", "traffic cone", "piggy bank", "trophy", "pumpkin", "toy rocket", "toy robot",
    "apple", "banana", "mouse", "toy car", "alarm clock", "telephone", "toaster", "headphones", "teddy bear", "fan",
    "guitar", "umbrella", "football", "shoe", "bucket",
)  # fmt: skip
"""In one, two or three scenes each, and in no other."""

ABSENT = (
    "telescope", "globe", "fire hydrant", "kettle", "suitcase", "backpack", "laptop", "microwave", "basket", "printer",
    "candle", "radiator",
)  # fmt: skip
"""In no scene, though rooms of other sets have them."""

_POINTS = (30, 60, 120, 250, 500)  # about which a planted thing has on the mesh, by turns
_SPACINGS = (0.05, 0.065, 0.08)  # metres between the points of a scan, by turns
_VIEWS = (2, 3, 5)  # frames that look at the planted thing, by turns


@dataclass(frozen=True)
class BenchScene:
    """One scene before it is made."""

    name: str
    seed: tuple[int, int]
    scene_type: str
    planted: str | None
    points: int  # that the planted thing is to have, about
    spacing: float  # metres
    views: int

    @property
    def labels(self) -> tuple[str, ...]:
        """The planted label, or none."""
        return () if self.planted is None else (self.planted,)


def bench_plan() -> tuple[BenchScene, ...]:
    """The 60 scenes: 48 hold one of 24 rare things, 12 none."""
    rng = np.random.default_rng([SEED, 2_147_483_647])
    labels = [PLANTED[k] for k in rng.permutation(len(PLANTED))]
    held: list[str | None] = [label for number, label in enumerate(labels) for _ in range(1 + number % 3)]
    held += [None] * (SCENES - len(held))
    places = rng.permutation(SCENES).tolist()
    of_scene = {place: (turn, label) for turn, (place, label) in enumerate(zip(places, held, strict=True))}
    types = [PROGRAMMES[k].scene_type for k in rng.permutation(len(PROGRAMMES))]
    return tuple(
        BenchScene(
            f"scene{number:04d}_00",
            (SEED, number),
            types[number % len(types)],
            label,
            _POINTS[turn % len(_POINTS)],
            _SPACINGS[turn % len(_SPACINGS)],
            _VIEWS[turn // 2 % len(_VIEWS)],
        )
        for number, (turn, label) in sorted(of_scene.items())
    )
