"""Layers over sparse tensors; parameters have MinkowskiEngine's names and shapes."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...core.errors import BadInput
from .convolution import convolve
from .coordinates import Voxels


@dataclass(frozen=True)
class SparseTensor:
    """A row of features for each voxel."""

    voxels: Voxels
    features: Tensor  # (V, C)

    def __post_init__(self) -> None:
        if self.features.ndim != 2 or len(self.features) != len(self.voxels):
            found = tuple(self.features.shape)
            raise BadInput(f"The features are {found}; one row for each of {len(self.voxels)} voxels was expected.")

    def with_features(self, features: Tensor) -> "SparseTensor":
        """Others of the same voxels."""
        return SparseTensor(self.voxels, features)


class Convolution(nn.Module):
    """Stride 1 keeps the voxels (submanifold); a larger one leads to the coarser cells that hold any.

    A kernel of size 1 is a matrix (Cin, Cout), any other (size**3, Cin, Cout).
    """

    def __init__(self, in_channels: int, out_channels: int, size: int, stride: int = 1, bias: bool = False) -> None:
        super().__init__()
        if size == 1 and stride != 1:
            raise BadInput(f"A convolution of size 1 with stride {stride}: stride 1 was expected.")
        self.size, self.stride = size, stride
        shape = (in_channels, out_channels) if size == 1 else (size**3, in_channels, out_channels)
        self.kernel = nn.Parameter(torch.empty(shape))
        self.bias = nn.Parameter(torch.zeros(1, out_channels)) if bias else None
        nn.init.normal_(self.kernel, std=(2 / _fan_out(self.kernel)) ** 0.5)

    def forward(self, tensor: SparseTensor) -> SparseTensor:
        """Output u is the sum of input u + offset times the offset's matrix."""
        if self.size == 1:
            voxels, features = tensor.voxels, tensor.features @ self.kernel
        else:
            kernel_map = tensor.voxels.kernel_map(self.size, self.stride)
            voxels = tensor.voxels if self.stride == 1 else tensor.voxels.coarser(self.stride)
            features = convolve(tensor.features, self.kernel, kernel_map)
        return SparseTensor(voxels, features if self.bias is None else features + self.bias)


class TransposedConvolution(nn.Module):
    """Back from coarser cells to voxels that are there already: it never makes new ones."""

    def __init__(self, in_channels: int, out_channels: int, size: int, stride: int) -> None:
        super().__init__()
        self.size, self.stride = size, stride
        self.kernel = nn.Parameter(torch.empty(size**3, in_channels, out_channels))
        bound = _fan_out(self.kernel) ** -0.5
        nn.init.uniform_(self.kernel, -bound, bound)

    def forward(self, tensor: SparseTensor, onto: Voxels) -> SparseTensor:
        """`onto`: the voxels that `tensor`'s were made from by a stride."""
        if onto.coarser(self.stride) is not tensor.voxels:
            raise BadInput("A transposed convolution must lead back to the voxels that its input was made from.")
        kernel_map = onto.kernel_map(self.size, self.stride).transposed()
        return SparseTensor(onto, convolve(tensor.features, self.kernel, kernel_map))


class BatchNorm(nn.Module):
    """Over all voxels of the batch."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm1d(channels)

    def forward(self, tensor: SparseTensor) -> SparseTensor:
        """A single voxel has no spread: in training too it is measured by the running statistics."""
        if self.training and len(tensor.voxels) == 1:
            bn = self.bn
            features = functional.batch_norm(
                tensor.features, bn.running_mean, bn.running_var, bn.weight, bn.bias, eps=bn.eps
            )
        else:
            features = self.bn(tensor.features)
        return tensor.with_features(features)


def relu(tensor: SparseTensor) -> SparseTensor:
    """Of each feature; the tensor that came is overwritten."""
    return tensor.with_features(functional.relu_(tensor.features))


def concatenate(first: SparseTensor, second: SparseTensor) -> SparseTensor:
    """Features side by side, of the same voxels."""
    assert first.voxels is second.voxels
    return first.with_features(torch.cat([first.features, second.features], dim=1))


def _fan_out(kernel: Tensor) -> int:
    """As MinkowskiEngine counts: places times Cout, but Cin for a matrix."""
    return kernel.shape[0] if kernel.ndim == 2 else kernel.shape[0] * kernel.shape[2]
