"""Published feature sets teach a student; what it says of every point becomes feature sets of its own.

lesson     which scenes teach, which only judge            distillation/teachers.py
teach      the training, watched on validation scenes      distillation/watching.py, models/training/
write      a job a scene: vectors, objects, regions        distillation/writing.py
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from ..models.training.loop import Trained, train
from ..models.training.options import Options
from ..models.training.progress import Progress
from ..store import plugins
from . import training_folder
from .distillation.teachers import Lesson
from .distillation.watching import Judge, Tell, validation
from .students import CHANNELS_IN
from .training_folder import Standing


@dataclass(frozen=True)
class Course:
    """A student, who teaches it what, and the folder of its training. Pickles."""

    lesson: Lesson
    student: str
    student_options: Any
    options: Options
    folder: Path

    @property
    def about(self) -> dict[str, Any]:
        """What its checkpoints say of the student: all that is needed to build it, and whose words it knows."""
        taught = {teacher.scene.full_name: teacher.features.content_digest[:12] for teacher in self.lesson.taught}
        return {
            "name": self.student,
            "options": asdict(self.student_options),
            "channels": self.lesson.space.dim,
            "features": self.lesson.features,
            **self.lesson.encoding,
            "taught": taught,
        }

    def standing(self) -> Standing:
        """How far the training in the folder is; BadInput when it is another one."""
        return training_folder.standing(self.folder, self.about, self.options)


def teach(
    course: Course,
    *,
    device: str = "auto",
    workers: int = 0,
    resume: bool = False,
    judges: Sequence[Judge] = (),
    validate_every: int = 1,
    report: Callable[[Progress], None] = lambda progress: None,
    tell: Tell = lambda epoch, figures: None,
) -> Trained:
    """Train to the end, from the beginning or where the last checkpoint stood; see models/training/loop.py."""
    torch.manual_seed(course.options.seed)
    plugin = plugins.load("models.students", course.student, noun="student")
    network = plugin.build(course.student_options, CHANNELS_IN, course.lesson.space.dim)
    watched = course.lesson.validation
    return train(
        network,
        [teacher.source for teacher in course.lesson.taught],
        course.options,
        course.folder,
        student=course.about,
        device=device,
        workers=workers,
        resume=resume,
        validate=validation(watched, course.options, judges, tell) if watched else None,
        validate_every=validate_every,
        report=report,
    )
