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

from .coordinates import KernelMap

CHUNK_ROWS = 4096  # pairs: rows, products and sums of 96 channels stay in a core's cache
CHUNK_ROWS_CUDA = 1 << 18  # pairs: fewer launches; 200 MB at 96 channels in and out


def convolve(features: Tensor, kernel: Tensor, kernel_map: KernelMap) -> Tensor:
    """(outputs, Cout): row u is the sum over pairs (i, u) at offset k of features[i] @ kernel[k].

    `features` (inputs, Cin), `kernel` (K, Cin, Cout). Under autocast both are lowered; sums are float32 at least.
    """
    device = features.device.type
    if torch.is_autocast_enabled(device):
        lower = torch.get_autocast_dtype(device)
        features, kernel = features.to(lower), kernel.to(lower)
    result: Tensor = _Convolve.apply(features, kernel, kernel_map)
    return result


class _Convolve(torch.autograd.Function):
    """Keeps features, kernel and map for the way back, and no gathered rows."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, kernel: Tensor, kernel_map: KernelMap) -> Tensor:
        ctx.save_for_backward(features, kernel)
        ctx.kernel_map = kernel_map
        return _gather_multiply_add(features, kernel, kernel_map)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        features, kernel = ctx.saved_tensors  # type: ignore[attr-defined]
        kernel_map: KernelMap = ctx.kernel_map  # type: ignore[attr-defined]
        wants_features, wants_kernel, _ = ctx.needs_input_grad  # type: ignore[attr-defined]
        gradient = gradients[0].contiguous()
        of_features = of_kernel = None
        if wants_features:
            of_features = _gather_multiply_add(gradient, kernel.transpose(1, 2), kernel_map.transposed())
        if wants_kernel:
            of_kernel = _kernel_gradient(features, gradient, kernel_map, len(kernel))
        return of_features, of_kernel, None


def _gather_multiply_add(features: Tensor, kernel: Tensor, kernel_map: KernelMap) -> Tensor:
    sums = _sum_dtype(features)
    if kernel_map.identity is None:
        out = features.new_zeros((kernel_map.output_rows, kernel.shape[2]), dtype=sums)
    else:
        out = (features @ kernel[kernel_map.identity]).to(sums)
    for offset, inputs, outputs in kernel_map.chunks(_chunk_rows(features)):
        out.index_add_(0, outputs, (features.index_select(0, inputs) @ kernel[offset]).to(sums))
    return out.to(features.dtype)


def _kernel_gradient(features: Tensor, gradient: Tensor, kernel_map: KernelMap, size: int) -> Tensor:
    """(K, Cin, Cout)."""
    sums = _sum_dtype(features)
    out = features.new_zeros((size, features.shape[1], gradient.shape[1]), dtype=sums)
    if kernel_map.identity is not None:
        out[kernel_map.identity] = features.t() @ gradient
    for offset, inputs, outputs in kernel_map.chunks(_chunk_rows(features)):
        out[offset] += features.index_select(0, inputs).t() @ gradient.index_select(0, outputs)
    return out.to(features.dtype)


def _sum_dtype(features: Tensor) -> torch.dtype:
    return torch.promote_types(features.dtype, torch.float32)


def _chunk_rows(features: Tensor) -> int:
    return CHUNK_ROWS if features.device.type == "cpu" else CHUNK_ROWS_CUDA
