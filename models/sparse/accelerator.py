"""Who computes convolutions on a device: torch, or a library that is installed and gives the same numbers there.

The library is spconv-triton, on CUDA. It is used for a device and a dtype only once it has agreed, in outputs and both
gradients, with torch's convolutions in float64 on random voxels; OVSTORE_SPCONV_TRITON=off leaves it out.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec

import torch
from torch import Tensor

from ...core import environment
from .coordinates import KernelMap, Voxels

Convolve = Callable[[Tensor, Tensor, KernelMap], Tensor]

TOLERANCE = {torch.float32: 1e-5, torch.float16: 3e-3, torch.bfloat16: 2e-2}  # of the largest number

logger = logging.getLogger(__name__)


def trial_maps(device: torch.device) -> Iterator[KernelMap]:
    """Odd and even kernels, with and without a stride, and the way back."""
    cells = torch.randint(-9, 9, (6000, 4), generator=torch.Generator().manual_seed(0))
    cells[:, 0] %= 2
    voxels = Voxels(cells.unique(dim=0).to(device))
    for size in (2, 3, 5):
        yield voxels.kernel_map(size)
        yield voxels.kernel_map(size, 2)
        yield voxels.kernel_map(size, 2).transposed()


@dataclass(frozen=True, eq=False)
class Trial:
    """Where the library is tried, and on what."""

    devices: tuple[str, ...] = ("cuda",)
    maps: Callable[[torch.device], Iterator[KernelMap]] = trial_maps


TRIAL = Trial()


@cache
def chosen(device: torch.device, dtype: torch.dtype, ours: Convolve, trial: Trial = TRIAL) -> Convolve:
    """Decided once a process. A library that fails or differs is told of in a warning."""
    switched_off = environment.value("OVSTORE_SPCONV_TRITON") == "off"
    if device.type not in trial.devices or dtype not in TOLERANCE or switched_off or find_spec("spconv_triton") is None:
        return ours
    try:
        from .spconv_triton import convolve as theirs

        largest = max(differences(theirs, ours, device, dtype, trial))
    except Exception as error:  # it compiles kernels: all of a compiler's and a driver's errors are possible
        reason = f"{type(error).__name__}: {error}"
    else:
        if largest <= TOLERANCE[dtype]:
            logger.info("Sparse convolutions in %s on %s: spconv-triton", dtype, device)
            return theirs
        reason = f"its numbers are {largest:.1e} off; {TOLERANCE[dtype]:.0e} was expected"
    logger.warning("Sparse convolutions in %s on %s without spconv-triton, with torch: %s", dtype, device, reason)
    return ours


def differences(
    theirs: Convolve, ours: Convolve, device: torch.device, dtype: torch.dtype, trial: Trial = TRIAL
) -> Iterator[float]:
    """From `ours` in float64, as shares of the largest number; inf where theirs are not finite."""
    with torch.inference_mode(False), torch.enable_grad(), torch.autocast(device.type, enabled=False):
        for kernel_map in trial.maps(device):
            drawn = torch.Generator().manual_seed(0)
            shapes = (kernel_map.input_rows, 12), (len(kernel_map.counts), 12, 20), (kernel_map.output_rows, 20)
            values = [torch.randn(shape, generator=drawn).to(device, dtype) for shape in shapes]
            truth = _both_ways(ours, [value.double() for value in values], kernel_map)
            for one, other in zip(_both_ways(theirs, values, kernel_map), truth, strict=True):
                off = ((one.double() - other).abs().max() / other.abs().max()).item()
                yield off if off < float("inf") else float("inf")


def _both_ways(convolve: Convolve, values: list[Tensor], kernel_map: KernelMap) -> tuple[Tensor, ...]:
    """The output and the gradients of features and kernel."""
    features, kernel = (value.detach().requires_grad_() for value in values[:2])
    out = convolve(features, kernel, kernel_map)
    return out.detach(), *torch.autograd.grad(out, (features, kernel), values[2])
