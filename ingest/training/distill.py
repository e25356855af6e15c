"""Published feature sets teach a student; what it says of every point becomes feature sets of its own.

lesson     which scenes teach, which only judge            distillation/teachers.py
teach      the training, watched on validation scenes      course.py, distillation/watching.py
write      a job a scene: vectors, objects, regions        distillation/writing.py
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
    """A student of the lesson's vectors; it knows the words of their encoder, and by whose vectors it was taught."""
    if options.loss == "cross_entropy":
        raise BadInput(
            "loss is 'cross_entropy', which teaches classes; vectors are taught by 'cosine' or 'l1', classes by "
            "`ovstore train supervised`."
        )
    taught = {teacher.scene.full_name: teacher.features.content_digest[:12] for teacher in training_set.taught}
    teaching = {"features": training_set.features, **training_set.encoding, "taught": taught}
    return TrainingRun(student, student_options, training_set.space.dim, teaching, options, folder)
