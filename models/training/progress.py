"""What a person sees of a training while it runs."""

import time
from dataclasses import dataclass

LATEST_LOSS, LATEST_SPEED = 0.05, 0.2  # weight of the latest figure in a smoothed one


@dataclass(frozen=True)
class Progress:
    """After a step."""

    step: int  # steps done, of `steps`
    steps: int
    epoch: int  # the one under way, from 1, of `epochs`
    epochs: int
    loss: float  # smoothed
    learning_rate: float
    voxels_per_second: float  # of all processes
    seconds_left: float


class Meter:
    """Smoothed loss and speed; saving and validating do not count as time."""

    def __init__(self) -> None:
        self.loss = self.voxels_per_second = self.seconds_per_step = float("nan")
        self.restart()

    def restart(self) -> None:
        """What took time until now was no step."""
        self._since, self.steps, self._voxels = time.perf_counter(), 0, 0

    def add_loss(self, loss: float) -> None:
        """Of one step."""
        self.loss = _smoothed(self.loss, loss, LATEST_LOSS)

    def add_step(self, voxels: int) -> None:
        """One was done, or is on its way through the device."""
        self.steps += 1
        self._voxels += voxels

    def measure(self) -> None:
        """Now that the device is through with all steps."""
        seconds = max(time.perf_counter() - self._since, 1e-9)
        if self.steps:
            self.seconds_per_step = _smoothed(self.seconds_per_step, seconds / self.steps, LATEST_SPEED)
            self.voxels_per_second = _smoothed(self.voxels_per_second, self._voxels / seconds, LATEST_SPEED)
        self.restart()


def _smoothed(so_far: float, latest: float, weight: float) -> float:
    return latest if so_far != so_far else so_far + weight * (latest - so_far)  # nan: there was none yet
