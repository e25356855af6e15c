"""One scene as the voxels a student is shown, and what they are taught. NumPy only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .options import Options
from .scenes import TaughtScene


@dataclass(frozen=True)
class VoxelSample:
    """Cells with a row of inputs each; some of them with a target."""

    cells: NDArray[np.int32]  # (V, 3), none twice
    inputs: NDArray[np.float32]  # (V, 3)
    voxel_index: NDArray[np.int64]  # (S,) ascending rows of cells that have a target
    target: NDArray[np.float16] | NDArray[np.int64]  # (S, C) vectors, or (S,) classes


def sample(scene: TaughtScene, options: Options, rng: np.random.Generator, augment: bool) -> VoxelSample:
    """`augment` places, bends, mirrors and recolours by the options; without it the scene stands as it is."""
    raise NotImplementedError
