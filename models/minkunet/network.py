"""MinkUNet (Choy et al. 2019, the Res16UNet family): four strides down, four up, residual blocks of two convolutions.

Names and shapes of all parameters are those of MinkowskiEngine's examples, so that published files load as they are.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from ...core.errors import BadInput
from ..sparse.layers import BatchNorm, Convolution, SparseTensor, TransposedConvolution, concatenate, relu

PLANES_A = (32, 64, 128, 256, 128, 128, 96, 96)
PLANES_C = (32, 64, 128, 256, 256, 128, 96, 96)
DOWN = ("conv1p1s2", "conv2p2s2", "conv3p4s2", "conv4p8s2")
UP = ("convtr4p16s2", "convtr5p8s2", "convtr6p4s2", "convtr7p2s2")


@dataclass(frozen=True)
class MinkUNetOptions:
    """Where published MinkUNets of one depth differ."""

    stem_size: int = field(default=5, metadata={"help": "cells per side of the first kernel: 5 OpenScene, 3 SLidR"})
    final_bias: bool = field(default=False, metadata={"help": "whether the last layer adds a bias, as SLidR's does"})

    def __post_init__(self) -> None:
        if self.stem_size not in (3, 5, 7):
            raise BadInput(f"stem_size is {self.stem_size}; 3, 5 or 7 cells were expected.")


@dataclass(frozen=True)
class Plan:
    """Depth and width."""

    units: tuple[int, ...]  # residual units of blocks 1..8
    planes: tuple[int, ...]  # channels after blocks 1..8
    stem: int = 32  # channels of the first convolution


class MinkUNet(nn.Module):
    """(V, in_channels) to (V, out_channels), of the same voxels in the same order; no activation at the end."""

    def __init__(self, plan: Plan, options: MinkUNetOptions, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv0p1s1 = Convolution(in_channels, plan.stem, options.stem_size)
        self.bn0 = BatchNorm(plan.stem)
        width, skips = plan.stem, [plan.stem, *plan.planes[:3]]
        for number, (name, planes) in enumerate(zip(DOWN, plan.planes[:4], strict=True), start=1):
            self.add_module(name, Convolution(width, width, size=2, stride=2))
            self.add_module(f"bn{number}", BatchNorm(width))
            self.add_module(f"block{number}", _block(width, planes, plan.units[number - 1]))
            width = planes
        for number, (name, planes) in enumerate(zip(UP, plan.planes[4:], strict=True), start=4):
            self.add_module(name, TransposedConvolution(width, planes, size=2, stride=2))
            self.add_module(f"bntr{number}", BatchNorm(planes))
            self.add_module(f"block{number + 1}", _block(planes + skips.pop(), planes, plan.units[number]))
            width = planes
        self.final = Convolution(width, out_channels, size=1, bias=options.final_bias)

    def forward(self, tensor: SparseTensor) -> SparseTensor:
        """Works on the voxels in order of their coordinates, whatever the order they come in."""
        voxels, rows = tensor.voxels.ordered()
        back = _inverse(rows)
        inner = SparseTensor(voxels, _Reordered.apply(tensor.features, rows, back))
        inner = relu(self.bn0(self.conv0p1s1(inner)))
        skips = []
        for down, norm, block in self._stages(DOWN, "bn", 1):
            skips.append(inner)
            inner = block(relu(norm(down(inner))))
        for up, norm, block in self._stages(UP, "bntr", 4):
            skip = skips.pop()
            inner = block(concatenate(relu(norm(up(inner, skip.voxels))), skip))
        return tensor.with_features(_Reordered.apply(self.final(inner).features, back, rows))

    def _stages(self, names: tuple[str, ...], norm: str, first: int) -> Iterator[tuple[nn.Module, ...]]:
        shift = 0 if norm == "bn" else 1
        for number, name in enumerate(names, start=first):
            yield tuple(self.get_submodule(n) for n in (name, f"{norm}{number}", f"block{number + shift}"))


class ResidualUnit(nn.Module):
    """Two convolutions around which the input goes, through a matrix where widths differ."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = Convolution(in_channels, out_channels, size=3)
        self.norm1 = BatchNorm(out_channels)
        self.conv2 = Convolution(out_channels, out_channels, size=3)
        self.norm2 = BatchNorm(out_channels)
        self.downsample: nn.Sequential | None = None
        if in_channels != out_channels:
            self.downsample = nn.Sequential(Convolution(in_channels, out_channels, size=1), BatchNorm(out_channels))

    def forward(self, tensor: SparseTensor) -> SparseTensor:
        """On the same voxels."""
        around = tensor if self.downsample is None else self.downsample(tensor)
        inner = self.norm2(self.conv2(relu(self.norm1(self.conv1(tensor)))))
        return relu(inner.with_features(inner.features.add_(around.features)))


def _block(in_channels: int, out_channels: int, units: int) -> nn.Sequential:
    widths = [in_channels] + [out_channels] * units
    return nn.Sequential(*(ResidualUnit(a, b) for a, b in pairwise(widths)))


class _Reordered(torch.autograd.Function):
    """The way back of an order is its inverse: rows are fetched, where index_select's own adds them to zeros."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, rows: Tensor, inverse: Tensor) -> Tensor:
        ctx.inverse = inverse
        return features.index_select(0, rows)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return gradients[0].index_select(0, ctx.inverse), None, None


def _inverse(rows: Tensor) -> Tensor:
    inverse = torch.empty_like(rows)
    inverse[rows] = torch.arange(len(rows), device=rows.device)
    return inverse
