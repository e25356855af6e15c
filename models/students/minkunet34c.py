"""MinkUNet 34C, SLidR's network: two to six residual units a block, 38 million parameters."""

from torch import nn

from ..minkunet.network import PLANES_C, MinkUNet, MinkUNetOptions, Plan

Options = MinkUNetOptions


def build(options: MinkUNetOptions, in_channels: int, out_channels: int) -> nn.Module:
    """373 tensors, and one more with a bias; SLidR's has 1 channel in, a stem of 3 cells and the bias."""
    return MinkUNet(Plan(units=(2, 3, 4, 6, 2, 2, 2, 2), planes=PLANES_C), options, in_channels, out_channels)
