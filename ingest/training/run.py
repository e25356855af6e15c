"""A training run of a student: the network, what its checkpoints say of it, its options and its folder."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...core import plugins
from ...models.training.loop import Trained, Validate, train
from ...models.training.options import TrainingOptions
from ...models.training.progress import Progress
from ...models.training.scenes import TrainingSource
from . import run_folder
from .run_folder import RunState
from .students import CHANNELS_IN


@dataclass(frozen=True)
class TrainingRun:
    """Everything but the scenes. Pickles."""

    student: str  # the plug-in
    student_options: Any  # the plug-in's own Options
    channels: int  # numbers that the student gives for a voxel
    target: Mapping[str, Any]  # what these mean, as JSON: the encoder and space of its vectors, or its classes
    options: TrainingOptions
    folder: Path

    @property
    def about(self) -> dict[str, Any]:
        """What its checkpoints say of the student: all that is needed to build it and to read its numbers."""
        described = {"name": self.student, "options": asdict(self.student_options), "channels": self.channels}
        return {**described, **self.target}

    def state(self) -> RunState:
        """How far the run in the folder is; BadInput when it is another one."""
        return run_folder.run_state(self.folder, self.about, self.options)

    def train(
        self,
        sources: Sequence[TrainingSource],
        validate: Validate | None = None,
        anchors: NDArray[np.float16] | None = None,
        *,
        device: str = "auto",
        workers: int = 0,
        resume: bool = False,
        validate_every: int = 1,
        report: Callable[[Progress], None] = lambda progress: None,
    ) -> Trained:
        """Train to the end, from the beginning or where the last checkpoint stood; see models/training/loop.py."""
        torch.manual_seed(self.options.seed)
        plugin = plugins.load("models.students", self.student, noun="student")
        return train(
            plugin.build(self.student_options, CHANNELS_IN, self.channels),
            sources,
            self.options,
            self.folder,
            student=self.about,
            anchors=anchors,
            device=device,
            workers=workers,
            resume=resume,
            validate=validate,
            validate_every=validate_every,
            report=report,
        )
