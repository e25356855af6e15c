"""A MinkUNet for tens of rooms on a CPU: one residual unit a block, 1.9 million parameters, 32 to 96 channels wide."""

from torch import nn

from ..minkunet.network import MinkUNet, MinkUNetOptions, Plan
from .tiny import Options

__all__ = ["Options", "build"]
PLAN = Plan(units=(1,) * 8, planes=(32, 48, 64, 96, 64, 48, 48, 48), stem=32)


def build(options: Options, in_channels: int, out_channels: int) -> nn.Module:
    """A stem of 3 cells; words are told apart in 48 channels, where `tiny` has 16."""
    return MinkUNet(PLAN, MinkUNetOptions(stem_size=3), in_channels, out_channels)
