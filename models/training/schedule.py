"""How weights move: the optimiser, and its learning rate at each step."""

from collections.abc import Iterable

from torch import nn, optim

from .options import TrainingOptions


def optimizer_of(options: TrainingOptions, parameters: Iterable[nn.Parameter]) -> optim.Optimizer:
    """Adam with torch's defaults (betas 0.9 and 0.999, eps 1e-8), or SGD; the rate is set before each step."""
    if options.optimizer == "sgd":
        return optim.SGD(parameters, lr=options.base_lr, momentum=options.momentum, weight_decay=options.weight_decay)
    return optim.Adam(parameters, lr=options.base_lr, weight_decay=options.weight_decay)


def learning_rate(options: TrainingOptions, step: int, steps: int) -> float:
    """Of `step`, from 0, of `steps`: base_lr * (1 - step / steps) ** power, after a linear rise.

    OpenScene sets the rate after each step, to ten times what its configuration says, so that its first step alone
    runs at the configured one: that is `first_step_lr`.
    """
    if step == 0 and options.first_step_lr:
        return options.first_step_lr
    risen = min(1.0, (step + 1) / options.warmup_steps) if options.warmup_steps else 1.0
    return options.base_lr * (1 - step / steps) ** options.power * risen


def set_rate(optimizer: optim.Optimizer, rate: float) -> None:
    """The same for all weights."""
    for group in optimizer.param_groups:
        group["lr"] = rate
