"""One training in several processes: torchrun starts them, torch's DistributedDataParallel averages their gradients."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from ...core import environment
from ...core.errors import BadInput
from ..devices import device_of

BACKENDS = {"cpu": "gloo", "cuda": "cpu:gloo,cuda:nccl"}  # counts and flags go by the CPU: no step waits for a GPU
LONGEST_WAIT = timedelta(days=1)  # the first process validates while the others wait; torchrun notices the dead

T = TypeVar("T")


@dataclass(frozen=True)
class Ranks:
    """Which of the processes this is."""

    rank: int
    world: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes."""
        return self.rank == 0

    def summed(self, values: Sequence[float]) -> list[float]:
        """Each number's sum over all processes."""
        if self.world == 1:
            return list(values)
        tensor = torch.tensor(values, dtype=torch.float64)
        distributed.all_reduce(tensor)
        return tensor.tolist()

    def of_first(self, value: T) -> T:
        """The first process's value, which all wait for."""
        if self.world == 1:
            return value
        values = [value]
        distributed.broadcast_object_list(values, device=torch.device("cpu"))
        return values[0]

    def of_all(self, value: T) -> list[T]:
        """Every process's value, in order."""
        values: list[T] = [value] * self.world
        if self.world > 1:
            distributed.all_gather_object(values, value)
        return values

    def joined(self, network: nn.Module) -> nn.Module:
        """The network with gradients averaged over all processes; all start from the first one's weights."""
        if self.world == 1:
            return network
        places = [self.device] if self.device.type == "cuda" else None
        return DistributedDataParallel(network, device_ids=places)


def without_averaging(network: nn.Module) -> AbstractContextManager[object]:
    """Around the backward passes that only add to gradients, before the one that averages them."""
    return network.no_sync() if isinstance(network, DistributedDataParallel) else nullcontext()


@contextmanager
def ranks(device: str) -> Iterator[Ranks]:
    """This process among those that torchrun started, by its environment; alone without. `device` as device_of takes.

    On CUDA each process of a machine has a GPU of its own. Inside of another such block it is the same group.
    """
    world = int(environment.value("WORLD_SIZE") or 1) if environment.value("RANK") else 1
    chosen = device_of(device)
    if world == 1:
        yield Ranks(0, 1, chosen)
        return
    if chosen.type == "cuda":
        chosen = torch.device("cuda", int(environment.value("LOCAL_RANK")))
        if chosen.index >= torch.cuda.device_count():
            raise BadInput(
                f"Process {chosen.index + 1} of this machine has no GPU: PyTorch sees {torch.cuda.device_count()}. "
                f"Start torchrun with --nproc-per-node={torch.cuda.device_count()}."
            )
        torch.cuda.set_device(chosen)
    outermost = not distributed.is_initialized()
    if outermost:
        distributed.init_process_group(BACKENDS[chosen.type], timeout=LONGEST_WAIT)
    try:
        yield Ranks(distributed.get_rank(), world, chosen)
    finally:
        if outermost:
            distributed.destroy_process_group()
