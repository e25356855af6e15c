"""What a training leaves in its folder, written by one process."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ... import __version__
from . import checkpoint
from .checkpoint import TrainingState
from .learner import Learner

if TYPE_CHECKING:
    from .events import EventFile

log = logging.getLogger(__name__)

JSON = "training.json"


class Record:
    """Checkpoints, scalars for TensorBoard, and training.json: what was trained, and what each epoch came to."""

    def __init__(
        self, folder: Path, run: Mapping[str, Any], state: TrainingState, steps: int, tensorboard: bool | None
    ) -> None:
        """`run` as in checkpoint.save; `tensorboard` None: scalars where tensorboardX is installed."""
        self._folder, self._run, self._steps = folder, run, steps
        self._events = None if tensorboard is False else _event_file(folder, state, wanted=tensorboard is True)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Each by its tag."""
        if self._events:
            self._events.write(step, values)

    def save(self, learner: Learner, state: TrainingState, best: bool) -> None:
        """Everything up to now: a resume takes back what the checkpoint does not know of."""
        if self._events:
            self._events.flush()
        checkpoint.save(self._folder, learner, state, self._run, best)
        self.tell(learner, state)

    def tell(self, learner: Learner, state: TrainingState) -> None:
        """In training.json. At the start too: a process may have been killed between a checkpoint and this."""
        told = {
            **self._run,
            "versions": {"ovstore": __version__, "torch": str(torch.__version__)},
            "precision": str(learner.precision).removeprefix("torch."),
            "step": state.step,
            "steps": self._steps,
            "best": dict([state.best]) if state.best else None,
            "log": state.log,
        }
        checkpoint.save_json(self._folder / JSON, told)

    def close(self) -> None:
        """Nothing more is written."""
        if self._events:
            self._events.close()


def _event_file(folder: Path, state: TrainingState, wanted: bool) -> "EventFile | None":
    try:
        from .events import EventFile
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "tensorboardX":
            raise
        if wanted:
            log.warning("No events for TensorBoard: tensorboardX is not installed; pip install 'ovstore[train]'.")
        return None
    return EventFile(folder, state.step, len(state.log))
