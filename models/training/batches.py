"""Samples in batches, in the order of an epoch.

Order and draws are functions of (seed, epoch, position) alone. There is no generator whose state would have to be kept:
workers, the number of processes and a resume cannot change what a step sees.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...core.errors import BadInput
from ..devices import to_device
from ..sparse.coordinates import Voxels
from ..sparse.layers import SparseTensor
from .options import TrainingOptions
from .scenes import TrainingSource, naming
from .voxel_samples import VoxelSample, sample


@dataclass(frozen=True)
class Batch:
    """Samples one after another; they never touch in the network."""

    number: int  # place in the epoch, from 0; the same on every rank
    scenes: tuple[str, ...]  # their names, sample by sample
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
        return replace(
            self,
            coordinates=to_device(self.coordinates, device),
            inputs=to_device(self.inputs, device),
            voxel_index=to_device(self.voxel_index, device),
            target=to_device(self.target, device),
        )


def collate(samples: Sequence[VoxelSample], shift: NDArray[np.integer] | None = None, number: int = 0) -> Batch:
    """`shift` (3,) cells that all are moved by."""
    lengths = {each.target.shape[1:] for each in samples}
    if len(lengths) > 1:
        found = " and ".join(sorted(str(length[0]) for length in lengths))
        raise BadInput(f"Scenes have targets of {found} numbers; train on feature sets of one space.")
    first_rows = np.cumsum([0, *(len(each.cells) for each in samples)])
    coordinates = [np.pad(each.cells, ((0, 0), (1, 0)), constant_values=i) for i, each in enumerate(samples)]
    if shift is not None:
        for each in coordinates:
            each[:, 1:] += shift.astype(np.int32)
    return Batch(
        number,
        tuple(each.scene for each in samples),
        _joined(coordinates),
        _joined([each.inputs for each in samples]),
        _joined([each.voxel_index + first for each, first in zip(samples, first_rows, strict=False)]),
        _joined([each.target for each in samples]),
    )


def batches_per_epoch(scenes: int, options: TrainingOptions, world: int = 1) -> int:
    """Whole batches only: what is left of an epoch is not seen. BadInput where there is not one."""
    samples, together = scenes * options.loop, world * options.batch_size
    if samples < together:
        raise BadInput(
            f"{scenes} scenes, {options.loop} times each, do not fill one batch of {together}; use a smaller "
            "batch_size or a larger loop."
        )
    return samples // together


def batches(
    sources: Sequence[TrainingSource],
    options: TrainingOptions,
    epoch: int,
    rank: int = 0,
    world: int = 1,
    workers: int = 0,
    start: int = 0,
) -> Iterator[Batch]:
    """Batches `start`, start + 1, ... of an epoch; the scenes of those before are not loaded.

    Of every `world * batch_size` samples in a row, `rank` gets its own `batch_size`. All ranks give the same number of
    batches; one in which no sample has a target is given all the same, with an empty voxel_index, so that ranks stay in
    step. `workers` threads make a batch ahead each; with 0 a batch is made when it is asked for.
    """
    count = batches_per_epoch(len(sources), options, world)
    make = partial(_made, sources, options, epoch, rank, world)
    if not workers:
        yield from map(make, range(start, count))
        return
    pool = ThreadPoolExecutor(workers, thread_name_prefix="batches")
    try:
        ahead: deque[Future[Batch]] = deque()
        for number in range(start, count):
            ahead.append(pool.submit(make, number))
            if len(ahead) > workers:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _made(
    sources: Sequence[TrainingSource], options: TrainingOptions, epoch: int, rank: int, world: int, number: int
) -> Batch:
    order = _generator("order", options.seed, epoch).permutation(len(sources) * options.loop) % len(sources)
    first = (number * world + rank) * options.batch_size
    samples = []
    for position in range(first, first + options.batch_size):
        source = sources[order[position]]
        with naming(source.name):
            samples.append(sample(source(), options, _generator("sample", options.seed, epoch, position), augment=True))
    shift = _generator("shift", options.seed, epoch, number).integers(0, max(options.shift, 1), 3)
    return collate(samples, shift, number)


def _generator(use: str, *numbers: int) -> np.random.Generator:
    """One for each use: the numbers alone would give a sample the draws of the shift of the same place."""
    return np.random.default_rng([("order", "sample", "shift").index(use), *numbers])


def _joined(parts: Sequence[NDArray[Any]]) -> Tensor:
    """One after another; in pinned memory where CUDA is in use, which copies from there without waiting."""
    rows = sum(len(part) for part in parts)
    dtype = torch.from_numpy(parts[0]).dtype
    joined = torch.empty((rows, *parts[0].shape[1:]), dtype=dtype, pin_memory=torch.cuda.is_initialized())
    np.concatenate(parts, out=joined.numpy())
    return joined
