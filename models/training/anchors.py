"""What a student learns to be like, and unlike: vectors of objects, some of which every step takes."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...core.errors import BadInput
from .options import TrainingOptions

A_STEP = 256


class Anchors:
    """The same in every process, and drawn by the step alone."""

    def __init__(self, vectors: NDArray[np.float16] | None, options: TrainingOptions, device: torch.device) -> None:
        """`vectors` (A, C) unit rows; BadInput where options ask for some and there are none."""
        if options.anchor_weight and (vectors is None or not len(vectors)):
            raise BadInput(
                f"anchor_weight is {options.anchor_weight}, but there are no objects to compare with: leave it 0."
            )
        self._seed = options.seed
        self._vectors = torch.from_numpy(vectors).to(device).float() if options.anchor_weight else None

    def of_step(self, step: int) -> Tensor | None:
        """(A_STEP, C) or fewer, float32 on the device; None where they do not count."""
        if self._vectors is None:
            return None
        drawn = np.random.default_rng([self._seed, step]).permutation(len(self._vectors))[:A_STEP]
        return self._vectors[torch.from_numpy(drawn).to(self._vectors.device)]
