"""Samples in batches, in the order of an epoch.

Order and draws are functions of (seed, epoch, position) alone. There is no generator whose state would have to be kept:
workers, the number of processes and a resume cannot change what a step sees.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..devices import to_device
from ..sparse.coordinates import Voxels
from ..sparse.layers import SparseTensor
from .options import Options
from .scenes import Source
from .voxel_samples import VoxelSample


@dataclass(frozen=True)
class Batch:
    """Samples one after another; they never touch in the network."""

    number: int  # place in the epoch, from 0; the same on every rank
    coordinates: Tensor  # (V, 4) int32 sample, x, y, z
    inputs: Tensor  # (V, 3) float32
    voxel_index: Tensor  # (S,) int64 ascending rows that have a target; none where no sample has one
    target: Tensor  # (S, C) float16 vectors, or (S,) int64 classes

    def tensor(self) -> SparseTensor:
        """What a student takes; made anew with each call, as it keeps its kernel maps."""
        return SparseTensor(Voxels(self.coordinates), self.inputs)

    @property
    def voxel_count(self) -> int:
        """Of all samples together."""
        return len(self.coordinates)

    def to(self, device: torch.device) -> "Batch":
        """The same on another device."""
        names = ("coordinates", "inputs", "voxel_index", "target")
        return replace(self, **{name: to_device(getattr(self, name), device) for name in names})


def collate(samples: Sequence[VoxelSample], shift: NDArray[np.integer] | None = None, number: int = 0) -> Batch:
    """`shift` (3,) cells that all are moved by."""
    raise NotImplementedError


def batches_per_epoch(scenes: int, options: Options, world: int = 1) -> int:
    """Whole batches only: what is left of an epoch is not seen. BadInput where there is not one."""
    raise NotImplementedError


def batches(
    sources: Sequence[Source],
    options: Options,
    epoch: int,
    rank: int = 0,
    world: int = 1,
    workers: int = 0,
    start: int = 0,
) -> Iterator[Batch]:
    """Batches `start`, start + 1, ... of an epoch; the scenes of those before are not loaded.

    Of every `world * batch_size` samples in a row, `rank` gets its own `batch_size`. All ranks give the same number of
    batches; one in which no sample has a target is given all the same, with an empty voxel_index, so that ranks stay in
    step. `workers` threads make batches ahead; 0 makes them when asked for.
    """
    raise NotImplementedError
