"""The arithmetic: gather rows, multiply by the kernel's matrix, add to rows; forward and backward.

Memory beyond inputs and outputs is one chunk of pairs, whatever the number of voxels. No two pairs of a chunk share a
row, so additions never meet in whatever order they run, and a row's terms come in the order of the offsets: outputs
and the features' gradients depend on the number of threads only where matrix products do, which sum over channels.
The kernel's gradient sums over pairs inside such products, and may differ by rounding where a library splits those.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from . import accelerator
from .coordinates import KernelMap

CHUNK_VALUES = 192 << 12  # of rows and their products: 4,096 pairs of 96 channels in and out stay in a core's cache
CHUNK_VALUES_CUDA = 192 << 18  # fewer launches; 200 MB


def convolve(
    features: Tensor, kernel: Tensor, kernel_map: KernelMap, trial: accelerator.Trial = accelerator.TRIAL
) -> Tensor:
    """(outputs, Cout): row u is the sum over pairs (i, u) at offset k of features[i] @ kernel[k].

    `features` (inputs, Cin), `kernel` (K, Cin, Cout). Under autocast both are lowered; sums are float32 at least.
    """
    device = features.device.type
    if torch.is_autocast_enabled(device):
        lower = torch.get_autocast_dtype(device)
        features, kernel = features.to(lower), kernel.to(lower)
    return accelerator.chosen(features.device, features.dtype, by_torch, trial)(features, kernel, kernel_map)


def by_torch(features: Tensor, kernel: Tensor, kernel_map: KernelMap) -> Tensor:
    """On every device; of features and kernel of one dtype."""
    result: Tensor = _Convolve.apply(features, kernel, kernel_map)
    return result


class _Convolve(torch.autograd.Function):
    """Keeps features, kernel and map for the way back, and no gathered rows."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, kernel: Tensor, kernel_map: KernelMap) -> Tensor:
        ctx.save_for_backward(features, kernel)
        ctx.kernel_map = kernel_map
        out, matrices = _begun(features, kernel, kernel_map), kernel.unbind()
        for offset, inputs, outputs in kernel_map.chunks(_chunk_rows(kernel)):
            out.index_add_(0, outputs, (features.index_select(0, inputs) @ matrices[offset]).to(out.dtype))
        return out.to(features.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        features, kernel = ctx.saved_tensors  # type: ignore[attr-defined]
        kernel_map: KernelMap = ctx.kernel_map  # type: ignore[attr-defined]
        wants_features, wants_kernel, _ = ctx.needs_input_grad  # type: ignore[attr-defined]
        gradient, transposed = gradients[0].contiguous(), kernel.transpose(1, 2)
        of_features = _begun(gradient, transposed, kernel_map.transposed()) if wants_features else None
        of_kernel = _begun_kernel_gradient(features, kernel, gradient, kernel_map) if wants_kernel else None
        matrices, sums = transposed.unbind(), of_kernel.unbind() if of_kernel is not None else ()
        for offset, inputs, outputs in kernel_map.chunks(_chunk_rows(kernel)):
            rows = gradient.index_select(0, outputs)
            if of_features is not None:
                of_features.index_add_(0, inputs, (rows @ matrices[offset]).to(of_features.dtype))
            if sums:
                sums[offset].add_(features.index_select(0, inputs).t() @ rows)
        return _as(features, of_features), _as(kernel, of_kernel), None


def _begun(features: Tensor, kernel: Tensor, kernel_map: KernelMap) -> Tensor:
    """(outputs, Cout) sums so far: what each row gives to itself."""
    if kernel_map.identity is None:
        return features.new_zeros((kernel_map.output_rows, kernel.shape[2]), dtype=_sum_dtype(features))
    return (features @ kernel[kernel_map.identity]).to(_sum_dtype(features))


def _begun_kernel_gradient(features: Tensor, kernel: Tensor, gradient: Tensor, kernel_map: KernelMap) -> Tensor:
    out = kernel.new_zeros(kernel.shape, dtype=_sum_dtype(features))
    if kernel_map.identity is not None:
        out[kernel_map.identity] = features.t() @ gradient
    return out


def _sum_dtype(features: Tensor) -> torch.dtype:
    return torch.promote_types(features.dtype, torch.float32)


def _as(like: Tensor, sums: Tensor | None) -> Tensor | None:
    return None if sums is None else sums.to(like.dtype)


def _chunk_rows(kernel: Tensor) -> int:
    values = CHUNK_VALUES if kernel.device.type == "cpu" else CHUNK_VALUES_CUDA
    return max(1, values // (kernel.shape[1] + kernel.shape[2]))
