"""Convolutions by the package spconv-triton 1.0, which needs CUDA: its products, with our pairs and layouts.

Of the package only spconv's own operations on tables of rows are used. A table says which input meets each output at
each offset, so the offsets keep our order; of a kernel only the axes change places: (K, Cin, Cout) here, (Cout, K, Cin)
there.
"""

from typing import Any

import numpy as np
import torch
from spconv_triton.pytorch import ops
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.utils.weak import WeakTensorKeyDictionary

from .coordinates import KernelMap

WORD = [np.array([0xFFFFFFFF], np.uint32)]  # how its operations are told that masks are not split
MASK_BITS = 32


def convolve(features: Tensor, kernel: Tensor, kernel_map: KernelMap) -> Tensor:
    """As convolution.convolve, of features and kernel of one dtype on one CUDA device."""
    result: Tensor = _Convolve.apply(features, kernel, kernel_map)
    return result


class _Convolve(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor, kernel: Tensor, kernel_map: KernelMap) -> Tensor:
        ctx.save_for_backward(features, kernel)
        ctx.kernel_map = kernel_map
        rows, masks, order = _table(kernel_map)
        outputs, weights = kernel_map.output_rows, kernel.permute(2, 0, 1)
        with torch.cuda.device_of(features):  # kernels start on the current device, wherever their arrays are
            out: Tensor = ops.implicit_gemm(
                features, weights, rows, masks, order, outputs, WORD, is_train=True, is_subm=False, fp32_accum=True
            )[0]
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        features, kernel = ctx.saved_tensors
        rows, masks, order = _table(ctx.kernel_map)
        rows_back, masks_back, order_back = _table(ctx.kernel_map.transposed())
        with torch.cuda.device_of(features):
            of_features, of_weights = ops.implicit_gemm_backward(
                features,
                kernel.permute(2, 0, 1),
                gradients[0],
                rows,
                rows_back,
                masks,
                masks_back,
                order,
                order_back,
                mask_output_fwd=None,
                masks=WORD,
                mask_width=-1,
                is_subm=False,
                fp32_accum=True,
            )
        return of_features, of_weights.permute(1, 2, 0).contiguous(), None


Table = tuple[Tensor, list[Tensor], list[Tensor]]
_TABLES = WeakTensorKeyDictionary()  # by the rows of a map's outputs, which no other map has, nor its transposed


def _table(kernel_map: KernelMap) -> Table:
    """(K, outputs) int32 inputs, -1 for none; for up to 32 offsets (outputs,) sorted bits of those met, and the order.

    Outputs that meet the same offsets then lie together, and a block of them skips the others.
    """
    if kernel_map.outputs not in _TABLES:
        _TABLES[kernel_map.outputs] = _make_table(kernel_map)
    table: Table = _TABLES[kernel_map.outputs]
    return table


def _make_table(kernel_map: KernelMap) -> Table:
    size, device = len(kernel_map.counts), kernel_map.outputs.device
    offsets = torch.arange(size, device=device)
    counts = torch.tensor(kernel_map.counts, device=device)
    offset = offsets.repeat_interleave(counts, output_size=len(kernel_map.outputs))
    rows = torch.full((size, kernel_map.output_rows), -1, dtype=torch.int32, device=device)
    rows[offset, kernel_map.outputs] = kernel_map.inputs.int()
    if size > MASK_BITS:
        return rows, [], []
    bits = torch.zeros(kernel_map.output_rows, dtype=torch.int64, device=device)
    for number, row in enumerate(rows):
        bits |= (row >= 0).long() << number
    bits, order = bits.sort(stable=True)
    return rows, [bits.int()], [order.int()]
