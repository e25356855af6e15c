"""A narrow MinkUNet for small rooms, tests and CPUs: one residual unit a block, 0.3 million parameters."""

from dataclasses import dataclass

from torch import nn

from ..minkunet.network import MinkUNet, MinkUNetOptions, Plan

PLAN = Plan(units=(1,) * 8, planes=(16, 24, 32, 32, 32, 24, 16, 16), stem=16)


@dataclass(frozen=True)
class Options:
    """Nothing to choose."""


def build(options: Options, in_channels: int, out_channels: int) -> nn.Module:
    """A stem of 3 cells."""
    return MinkUNet(PLAN, MinkUNetOptions(stem_size=3), in_channels, out_channels)
