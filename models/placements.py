"""Where a scene's points lie in each of several passes: every pass places them at random, and always the same way."""

import zlib
from collections.abc import Iterator

import numpy as np

from .voxels import Placement, random_placement


def random_placements(voxel_size: float, passes: int, seed: int, scene: str) -> Iterator[Placement]:
    """The first pass is under `seed`, each other under a random number below 10,000, as OpenScene's are.

    The scene's name has a say: it is placed as it is, whatever scenes come before it.
    """
    further = np.random.RandomState(seed).randint(10_000, size=passes - 1)
    for number in (seed, *further.tolist()):
        yield random_placement(voxel_size, np.random.default_rng([number, zlib.crc32(scene.encode())]))
