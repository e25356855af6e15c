"""A training that was stopped goes on: weights, optimizer and step in a file that appears whole or not at all."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.optim import Optimizer

from ...core.errors import BadInput, BadWeights
from ...core.files import replacing
from ...core.wording import reason
from ..safe_load import read_torch


@dataclass(frozen=True)
class KeptTraining:
    """Where checkpoints go, and after how many steps each."""

    path: Path
    asked: str  # what decides the numbers; a checkpoint of another training is refused
    every: int = 500

    def require(self, resume: bool) -> None:
        """BadInput where a checkpoint is in the way of a new training, or one that is to go on is not there."""
        if resume and not self.path.exists():
            raise BadInput(f"There is no training to resume: {self.path} does not exist. Leave out --resume.")
        if not resume and self.path.exists():
            raise BadInput(f"{self.path} is left of a training: continue it with --resume, or remove it.")

    def save(self, model: nn.Module, optimizer: Optimizer, step: int) -> None:
        """Replace the checkpoint by that of now."""
        content = {
            "step": step,
            "asked": self.asked,
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(self.path) as part:
            torch.save(content, part)

    def restore(self, model: nn.Module, optimizer: Optimizer) -> int:
        """The steps done so far, with the model and the optimizer as they were then; 0 where nothing is kept."""
        if not self.path.exists():
            return 0
        content = read_torch(self.path)
        try:
            step, asked = int(content["step"]), content["asked"]
            if asked == self.asked:
                model.load_state_dict(content["model"])
                optimizer.load_state_dict(content["optimizer"])
        except (RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
            raise BadWeights(f"{self.path} is not a checkpoint of this training: {reason(error)}") from error
        if asked != self.asked:
            raise BadWeights(
                f"{self.path} belongs to another training ({asked}); this one is {self.asked}. Give the same options, "
                "or another folder."
            )
        return step
