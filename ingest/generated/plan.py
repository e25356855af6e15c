"""What each scene of a set is: its name, its seed, its type, and which rare things it holds."""

from dataclasses import dataclass

import numpy as np

from .catalogue import class_names
from .programme import PROGRAMMES

FAMOUS = "snoopy"  # in exactly one scene of every set
_MOST = 2  # rare things in one scene


@dataclass(frozen=True)
class ScenePlan:
    """One scene before it is made."""

    name: str
    seed: tuple[int, int]  # the set's, and the scene's place in it
    scene_type: str
    planted: tuple[str, ...]


def plan(scenes: int, seed: int) -> tuple[ScenePlan, ...]:
    """The scenes of a set. A rare thing stands in one scene at most, the snoopy in exactly one; types take turns."""
    rng = np.random.default_rng([seed, 2_147_483_647])
    rare = [name for name in class_names(rare=True) if name != FAMOUS]
    ordered = [FAMOUS, *(rare[k] for k in rng.permutation(len(rare)))]
    places = rng.permutation(scenes).tolist()
    planted: list[list[str]] = [[] for _ in range(scenes)]
    for number, name in enumerate(ordered[: _MOST * scenes]):
        planted[places[number % scenes]].append(name)
    types = [PROGRAMMES[k].scene_type for k in rng.permutation(len(PROGRAMMES))]
    return tuple(
        ScenePlan(f"scene{number:04d}_00", (seed, number), types[number % len(types)], tuple(planted[number]))
        for number in range(scenes)
    )
