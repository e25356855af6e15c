"""LSeg's spatial regularisation: a small block on the map of label scores, trained with some checkpoints.

Li et al. (ICLR 2022), section 3.3. It makes label maps smoother and has no part in the embeddings. One 3x3 filter
serves every label, so that any number of them can be asked for.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"lrelu": F.leaky_relu, "relu": F.relu, "tanh": torch.tanh}
Activation = Literal["lrelu", "relu", "tanh"]
BOTTLENECK, DEPTHWISE = 1, 2  # the original's --arch_option


@dataclass(frozen=True)
class HeadSettings:
    """How a checkpoint's block was trained; the tensors do not tell."""

    arch_option: int = 0  # 1: the filtered scores plus the largest of all labels; 2: the filtered scores; 0: unknown
    block_depth: int = 0  # how often it is applied, 0 being once; activated in between
    activation: Activation = "lrelu"


class HeadBlock(nn.Module):
    """Label scores (B, L, h, w), before any softmax, to scores of the same shape."""

    def __init__(self, settings: HeadSettings) -> None:
        super().__init__()
        self.depthwise = nn.ModuleDict({"depthwise": nn.Conv2d(1, 1, 3, padding=1)})
        self.bottleneck = settings.arch_option == BOTTLENECK
        self.depth = max(1, settings.block_depth)
        self.activation = ACTIVATIONS[settings.activation]

    def forward(self, scores: Tensor) -> Tensor:
        """See the class."""
        for _ in range(self.depth - 1):
            scores = self.activation(self._block(scores))
        return self._block(scores)

    def _block(self, scores: Tensor) -> Tensor:
        filtered: Tensor = self.depthwise["depthwise"](scores.flatten(0, 1)[:, None])
        filtered = filtered[:, 0].unflatten(0, scores.shape[:2])
        return filtered + scores.amax(dim=1, keepdim=True) if self.bottleneck else filtered


def settings_in(hyper_parameters: object) -> HeadSettings:
    """What Lightning keeps beside the tensors, where it is there and makes sense."""
    if not isinstance(hyper_parameters, Mapping):
        return HeadSettings()
    arch, depth = (_whole(hyper_parameters.get(name)) for name in ("arch_option", "block_depth"))
    activation = hyper_parameters.get("activation")
    if arch not in (BOTTLENECK, DEPTHWISE) or activation not in ACTIVATIONS:
        return HeadSettings()
    return HeadSettings(arch, depth, activation)


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 100 else 0
