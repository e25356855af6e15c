"""A network with what moves its weights, a step at a time."""

from collections.abc import Sequence
from contextlib import nullcontext

import torch
from torch import Tensor, nn

from ..devices import lowered, out_of_memory_as, precision_of
from .batches import Batch
from .losses import dissimilarity, summed
from .options import TrainingOptions
from .parallel import Ranks, without_averaging
from .schedule import optimizer_of, set_rate


class Learner:
    """The network itself is `network`; what wraps it for several processes stays inside."""

    def __init__(self, network: nn.Module, options: TrainingOptions, ranks: Ranks) -> None:
        """`network` is moved to the device, in training mode."""
        self.network = network.to(ranks.device).train()
        self.optimizer = optimizer_of(options, self.network.parameters())
        self.precision = precision_of(options.precision, ranks.device, on_cuda=torch.bfloat16)
        self.scaler = torch.amp.GradScaler(ranks.device.type, enabled=self.precision == torch.float16)
        self._options, self._ranks = options, ranks
        self._joined = ranks.joined(self.network)

    def step(self, batches: Sequence[Batch], supervised: int, rate: float, anchors: Tensor | None = None) -> Tensor:
        """One step for all `batches`, here and in other processes, where `supervised` voxels have a target.

        `anchors` (A, C) are what anchor_weight tells apart.

        Each voxel weighs the same, however it is spread: many small batches are one large batch, but for what batch
        norm sees. Returns this process's share of the mean loss, on the device.
        """
        largest = max(batch.voxel_count for batch in batches)
        with out_of_memory_as(
            f"A batch of {largest:,} voxels does not fit into the memory of {self._ranks.device}: lower batch_size"
            f" (it is {self._options.batch_size}) and raise accumulate as much, or take larger voxels."
        ):
            return self._step(batches, supervised, rate, anchors)

    def _step(self, batches: Sequence[Batch], supervised: int, rate: float, anchors: Tensor | None) -> Tensor:
        set_rate(self.optimizer, rate)
        self.optimizer.zero_grad(set_to_none=True)
        shares = []
        for number, batch in enumerate(batches, start=1):
            with nullcontext() if number == len(batches) else without_averaging(self._joined):
                shares.append(self._backward(batch, supervised, anchors))
        if self._options.clip_norm:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.network.parameters(), self._options.clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return torch.stack(shares).sum()

    def _backward(self, batch: Batch, supervised: int, anchors: Tensor | None) -> Tensor:
        """Adds to the gradients; gives the batch's share of the mean loss."""
        share = self._loss(batch.to(self._ranks.device), anchors) / supervised
        self.scaler.scale(share * self._ranks.world).backward()  # averaged over processes it is the sum
        return share.detach()

    def _loss(self, batch: Batch, anchors: Tensor | None) -> Tensor:
        """Summed over the batch's supervised voxels."""
        with lowered(self._ranks.device, self.precision):
            output = self._joined(batch.tensor()).features
        predicted = output.index_select(0, batch.voxel_index)
        if not len(predicted):
            return predicted.float().sum()  # 0: a backward pass all the same, which other processes wait for
        loss = summed(self._options.loss, predicted, batch.target)
        if anchors is None:
            return loss
        weight, scale = self._options.anchor_weight, self._options.anchor_scale
        return loss + weight * dissimilarity(predicted, batch.target, anchors, scale)

    def is_finite(self) -> bool:
        """Whether all weights are numbers."""
        finite = [tensor.isfinite().all() for tensor in self.network.state_dict().values()]
        return bool(torch.stack(finite).all())
