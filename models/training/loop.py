"""Training from the first step, or the last saved one, to the end."""

import json
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...core.errors import BadInput, Interrupted
from ..safe_load import sha256_of
from . import checkpoint
from .anchors import Anchors
from .batches import Batch, batches, batches_per_epoch
from .checkpoint import LAST, TrainingState
from .learner import Learner
from .memory import keep_freed_memory
from .options import TrainingOptions
from .parallel import Ranks, ranks
from .progress import Meter, Progress
from .record import Record
from .scenes import TrainingSource
from .schedule import learning_rate
from .stopping import StopSignals, claimed, stop_signals

log = logging.getLogger(__name__)

STEPS_UNSEEN = {"cpu": 1, "cuda": 20}  # between looks at the loss, each of which waits for the device

Validate = Callable[[nn.Module, int], Mapping[str, float]]


@dataclass(frozen=True)
class Trained:
    """A training that came to its end."""

    network: nn.Module  # with the last weights, in evaluation mode
    weights: Path  # the last checkpoint
    sha256: str
    steps: int
    first: bool  # whether this is the only process, or the one that writes


def train(
    network: nn.Module,
    sources: Sequence[TrainingSource],
    options: TrainingOptions,
    folder: Path,
    *,
    student: Mapping[str, Any],
    anchors: NDArray[np.float16] | None = None,
    device: str = "auto",
    workers: int = 0,
    resume: bool = False,
    validate: Validate | None = None,
    validate_every: int = 1,
    save_steps: int = 0,
    save_seconds: float = 300.0,
    tensorboard: bool | None = None,
    report: Callable[[Progress], None] = lambda progress: None,
) -> Trained:
    """Teach `network`, as its student file built it (seed torch before: its first weights are drawn there).

    `folder` gets model_last.pth.tar, model_best.pth.tar, training.json and events for TensorBoard (`tensorboard` None:
    where tensorboardX is installed). The last checkpoint is written after each epoch, within one every `save_seconds`,
    and every `save_steps` steps if that is not 0. `resume` goes on from it, or begins where there is none, to
    the numbers of an undisturbed run: the same options, scenes in the same order, `student` (what tells this network
    from others, as JSON: its name and options) and number of processes are required.

    `anchors` (A, C) unit rows, some of which each step tells apart where options.anchor_weight is not 0.

    `validate` is called after every `validate_every`-th epoch and the last one, in the first process, with the network
    in evaluation mode and the number of epochs done. Its figure "mIoU", or else its first, decides which checkpoint is
    the best: the largest, but the least of "loss". Without it the training loss decides.

    Under torchrun each process calls this. Interrupted is raised after Ctrl-C, SIGTERM or SIGHUP, once all is saved.
    """
    with ranks(device) as group, claimed(folder, group), stop_signals() as stop:
        if group.device.type == "cpu":
            keep_freed_memory()
        described = {"student": student, "options": asdict(options), "scenes": [source.name for source in sources]}
        run = json.loads(json.dumps({**described, "processes": group.world}))
        there = checkpoint.is_there(folder)
        if there and not resume:
            raise BadInput(
                f"{folder} already contains a training run: continue it with --resume, or use another folder."
            )
        saved = checkpoint.load(folder, run) if there else None
        if saved:
            saved.restore_network(network)
        learner = Learner(network, options, group)
        if saved:
            saved.restore_optimizer(learner)
        state = saved.state if saved else TrainingState()
        steps_per_epoch = math.ceil(batches_per_epoch(len(sources), options, group.world) / options.accumulate)
        steps = options.epochs * steps_per_epoch
        record = Record(folder, run, state, steps, tensorboard) if group.first else None
        if record:
            record.tell(learner, state)
        training = _Training(
            learner, Anchors(anchors, options, group.device), sources, options, folder, group, workers, state,
            steps, stop, record, validate, validate_every, save_steps, save_seconds, report,
        )  # fmt: skip
        try:
            training.to_the_end()
        finally:
            if record:
                record.close()
        digest = group.of_first(sha256_of(folder / LAST) if group.first else "")
    return Trained(network.eval(), folder / LAST, digest, steps, group.first)


@dataclass(frozen=True)
class _Unseen:
    """A step whose loss is still on the device."""

    step: int
    rate: float
    loss: Tensor  # () this process's share
    scenes: tuple[str, ...]


@dataclass
class _Training:
    """What is under way; arguments as in `train`."""

    learner: Learner
    anchors: Anchors
    sources: Sequence[TrainingSource]
    options: TrainingOptions
    folder: Path
    ranks: Ranks
    workers: int
    state: TrainingState
    steps: int
    stop: StopSignals
    record: Record | None  # in the first process
    validate: Validate | None
    validate_every: int
    save_steps: int
    save_seconds: float
    report: Callable[[Progress], None]

    def __post_init__(self) -> None:
        self._unseen: list[_Unseen] = []
        self._meter = Meter()
        self._saved_step, self._saved_at = self.state.step, time.monotonic()

    def to_the_end(self) -> None:
        """All epochs that are not finished; the first of them from where it stands."""
        per_epoch = self.steps // self.options.epochs
        while len(self.state.log) < self.options.epochs:
            epoch = len(self.state.log)
            start = (self.state.step - epoch * per_epoch) * self.options.accumulate
            made = batches(self.sources, self.options, epoch, self.ranks.rank, self.ranks.world, self.workers, start)
            self._meter.restart()
            while window := list(islice(made, self.options.accumulate)):
                self._step(window)
            self._finish_epoch(epoch + 1, per_epoch)

    def _step(self, window: Sequence[Batch]) -> None:
        step = self.state.step
        supervised, voxels, stopped, late = self.ranks.summed([
            sum(len(batch.voxel_index) for batch in window),
            sum(batch.voxel_count for batch in window),
            self.stop.name is not None,
            self.ranks.first and time.monotonic() - self._saved_at >= self.save_seconds,
        ])  # fmt: skip
        if supervised:
            torch.manual_seed(_draws(self.options.seed, step, self.ranks.rank))
            rate = learning_rate(self.options, step, self.steps)
            loss = self.learner.step(window, int(supervised), rate, self.anchors.of_step(step))
            scenes = tuple(name for batch in window for name in batch.scenes)
            self._unseen.append(_Unseen(step + 1, rate, loss, scenes))
        self.state.step = step + 1
        self._meter.add_step(int(voxels))
        due = stopped or late or (self.save_steps and self.state.step % self.save_steps == 0)
        if due or self.state.step % STEPS_UNSEEN[self.ranks.device.type] == 0:
            self._look()
        if due:
            self._save()
        if stopped:
            self._leave()

    def _look(self) -> None:
        """Wait for the losses of the steps since, and tell of them."""
        if not self._meter.steps:
            return
        if self._unseen:
            losses = self.ranks.summed(torch.stack([each.loss for each in self._unseen]).tolist())
            for each, loss in zip(self._unseen, losses, strict=True):
                if not math.isfinite(loss):
                    raise self._broken(f"The loss of step {each.step} is {loss}", each.scenes)
                self.state.loss_sum += loss
                self.state.loss_count += 1
                self._meter.add_loss(loss)
                if self.record:
                    self.record.scalars(each.step, {"loss_train_batch": loss, "learning_rate": each.rate})
            self._unseen.clear()
        self._meter.measure()
        if self.record:
            self.report(self._progress())

    def _progress(self) -> Progress:
        meter, state, epochs = self._meter, self.state, self.options.epochs
        epoch = min(len(state.log) + 1, epochs)
        rate = learning_rate(self.options, state.step - 1, self.steps)
        seconds_left = (self.steps - state.step) * meter.seconds_per_step
        return Progress(state.step, self.steps, epoch, epochs, meter.loss, rate, meter.voxels_per_second, seconds_left)

    def _finish_epoch(self, epoch: int, steps: int) -> None:
        """`epoch` counts from 1."""
        self._look()
        state = self.state
        if not state.loss_count:
            raise BadInput(f"None of the voxels of epoch {epoch} has a target: do the features belong to these scenes?")
        if left_out := steps - state.loss_count:
            log.warning("%d of %d steps skipped: none of their voxels has a target.", left_out, steps)
        told = {"loss_train": state.loss_sum / state.loss_count}
        figures = told
        if self.validate:
            figures = self._validated(epoch) if epoch % self.validate_every == 0 or epoch == self.options.epochs else {}
            told |= {f"{name}_val": value for name, value in figures.items()}
        if self.record:
            self.record.scalars(epoch, told)
        state.log.append({"epoch": epoch, "step": state.step, **told})
        state.loss_sum, state.loss_count = 0.0, 0
        best = _best(state.best, figures)
        improved = best != state.best
        state.best = best
        self._save(improved)
        if any(self.ranks.summed([self.stop.name is not None])):
            self._leave()

    def _validated(self, epoch: int) -> dict[str, float]:
        """The hook's figures, known to all processes. Running statistics stay as training left them."""
        figures: dict[str, float] = {}
        if self.ranks.first and self.validate:
            network = self.learner.network.eval()
            with torch.no_grad():
                figures = {name: float(value) for name, value in self.validate(network, epoch).items()}
            network.train()
        return self.ranks.of_first(figures)

    def _save(self, best: bool = False) -> None:
        self._look()
        if not self.learner.is_finite():
            raise self._broken(f"Weights are not finite after step {self.state.step}", ())
        if self.record:
            self.record.save(self.learner, self.state, best)
        self._saved_step, self._saved_at = self.state.step, time.monotonic()
        self._meter.restart()

    def _leave(self) -> None:
        """Once the first process has saved: an end of the others would end it too."""
        self.ranks.of_first(None)
        raise Interrupted(
            f"Stopped{f' by {self.stop.name}' if self.stop.name else ''} after step {self.state.step:,} of "
            f"{self.steps:,}, saved in {self.folder / LAST}. The same command with --resume continues."
        )

    def _broken(self, what: str, scenes: tuple[str, ...]) -> BadInput:
        named = sorted({name for names in self.ranks.of_all(scenes) for name in names})
        shown = f" (scenes {', '.join(named)})" if named else ""
        lowered = self.learner.precision != torch.float32
        kept = f"{self.folder / LAST} still contains step {self._saved_step:,}." if self._saved_step else ""
        return BadInput(
            f"{what}{shown}. Lower base_lr (it is {self.options.base_lr:g}), raise warmup_steps or set "
            f"clip_norm{', or use precision float32' if lowered else ''}, in another folder. {kept}".rstrip()
        )


def _best(best: tuple[str, float] | None, figures: Mapping[str, float]) -> tuple[str, float] | None:
    """`best`, or the figure that decides where it is better."""
    if not figures:
        return best
    name = "mIoU" if "mIoU" in figures else next(iter(figures))
    value = figures[name]
    if not math.isfinite(value):
        return best
    if best is None or best[0] != name:
        return name, value
    return (name, value) if (value < best[1] if name in ("loss", "loss_train") else value > best[1]) else best


def _draws(*numbers: int) -> int:
    """Seeds what networks draw themselves (dropout): the same after a resume, other numbers in each process."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])
