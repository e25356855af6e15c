"""The tiny model's image network, under a name that timm and so open_clip know: convolutions, one cell per 16 pixels.

CLIP towers of timm make a cell of 32 x 32 pixels, too coarse for a mug in a small picture unless that is enlarged,
which costs five times as much a cell.
Importing this file registers `ovstore_tiny`; open_clip then builds it from `timm_model_name` like any other.
"""

from typing import Any

import torch
from timm.models import register_model
from torch import Tensor, nn

STRIDE = 16
_STEM = (24, 48, 96)  # channels at 1/2, 1/4 and 1/8 of the picture
_WIDTH, _INNER = 192, 96
_DILATIONS = (1, 1, 2, 1, 2, 4, 1, 2)  # of the blocks: what a thing is shows in what is around it


class Block(nn.Module):
    """A residual bottleneck: 1x1, 3x3 with holes, 1x1."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        last = nn.BatchNorm2d(_WIDTH)
        nn.init.zeros_(last.weight)  # a block starts as the identity
        self.inner = nn.Sequential(
            *_convolution(_WIDTH, _INNER, 1),
            *_convolution(_INNER, _INNER, 3, dilation=dilation),
            nn.Conv2d(_INNER, _WIDTH, 1, bias=False),
            last,
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, 192, h, w) to the same."""
        return torch.relu(x + self.inner(x))


class TinyTrunk(nn.Module):
    """(B, 3, H, W) to (B, 192, H / 16, W / 16), and their mean where a whole picture is asked for."""

    num_features = _WIDTH
    feature_info = ({"num_chs": _WIDTH, "reduction": STRIDE, "module": "blocks"},)

    def __init__(self) -> None:
        super().__init__()
        self.default_cfg: dict[str, Any] = {"pool_size": None}
        channels = (3, *_STEM, _WIDTH)
        self.stem = nn.Sequential(
            *(layer for i in range(4) for layer in _convolution(channels[i], channels[i + 1], 3, stride=2))
        )
        self.layers = nn.Sequential(*(Block(dilation) for dilation in _DILATIONS))

    def reset_classifier(self, num_classes: int, global_pool: str = "avg") -> None:
        """There is no classifier; only the mean is known as pooling."""
        if num_classes or global_pool != "avg":
            raise ValueError("ovstore_tiny has no classifier and pools by the mean.")

    def forward_features(self, x: Tensor) -> Tensor:
        """The grid of cells."""
        grid: Tensor = self.layers(self.stem(x))
        return grid

    def forward_head(self, grid: Tensor) -> Tensor:
        """(B, 192, h, w) to (B, 192)."""
        return grid.mean(dim=(2, 3))

    def forward(self, x: Tensor) -> Tensor:
        """(B, 192) for whole pictures."""
        return self.forward_head(self.forward_features(x))


@register_model
def ovstore_tiny(pretrained: bool = False, **kwargs: Any) -> TinyTrunk:
    """The trunk, as `timm.create_model("ovstore_tiny")` asks for it."""
    return TinyTrunk()


def _convolution(channels: int, out: int, kernel: int, stride: int = 1, dilation: int = 1) -> list[nn.Module]:
    padding = dilation * (kernel - 1) // 2
    convolution = nn.Conv2d(channels, out, kernel, stride, padding, dilation, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    return [convolution, nn.BatchNorm2d(out), nn.ReLU(inplace=True)]
