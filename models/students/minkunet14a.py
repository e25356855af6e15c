"""MinkUNet 14A: one residual unit a block, 8 million parameters."""

from torch import nn

from ..minkunet.network import PLANES_A, MinkUNet, MinkUNetOptions, Plan

Options = MinkUNetOptions


def build(options: MinkUNetOptions, in_channels: int, out_channels: int) -> nn.Module:
    """193 tensors for three colours in and 512 or 768 channels out."""
    return MinkUNet(Plan(units=(1,) * 8, planes=PLANES_A), options, in_channels, out_channels)
