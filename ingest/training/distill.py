"""A student is trained on published feature sets; its vectors of every point become feature sets of their own.

training set   scenes to train on, scenes to validate on        teachers.py
training run   epochs, with validation in between               run.py, validation_callbacks.py
inference      one job per scene: vectors, objects, regions     student_features.py
"""

from pathlib import Path
from typing import Any

from ...core.errors import BadInput
from ...models.training.options import TrainingOptions
from .run import TrainingRun
from .teachers import TrainingSet


def training_run_of(
    training_set: TrainingSet, student: str, student_options: Any, options: TrainingOptions, folder: Path
) -> TrainingRun:
    """A student of the training set's vectors; its checkpoints name their encoder and the scenes."""
    if options.loss == "cross_entropy":
        raise BadInput(
            "loss is 'cross_entropy', which is for classes; use 'cosine' or 'l1' for vectors, and `ovstore train "
            "supervised` for classes."
        )
    digests = {teacher.scene.full_name: teacher.features.content_digest[:12] for teacher in training_set.training}
    target = {"features": training_set.features, **training_set.encoding, "taught": digests}
    return TrainingRun(student, student_options, training_set.space.dim, target, options, folder)
