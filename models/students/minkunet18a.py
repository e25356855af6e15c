"""MinkUNet 18A, OpenScene's network: two residual units a block, 16 million parameters."""

from torch import nn

from ..minkunet.network import PLANES_A, MinkUNet, MinkUNetOptions, Plan

Options = MinkUNetOptions


def build(options: MinkUNetOptions, in_channels: int, out_channels: int) -> nn.Module:
    """289 tensors; OpenScene's has 3 channels in, and 512 (LSeg) or 768 (OpenSeg) out."""
    return MinkUNet(Plan(units=(2,) * 8, planes=PLANES_A), options, in_channels, out_channels)
