"""Published feature sets teach a student; what it says of every point becomes feature sets of its own.

lesson     which scenes teach, which only judge            distillation/teachers.py
teach      the training, watched on validation scenes      distillation/watching.py, models/training/
write      a job a scene: vectors, objects, regions        distillation/writing.py
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from ..models.training import checkpoint
from ..models.training.checkpoint import BEST, LAST
from ..models.training.loop import Trained, train
from ..models.training.options import Options
from ..models.training.parallel import Ranks
from ..models.training.progress import Progress
from ..models.training.record import JSON
from ..models.training.stopping import claimed
from ..store import plugins
from ..store.errors import BadInput
from .distillation.teachers import Lesson
from .distillation.watching import Judge, Tell, validation
from .students import CHANNELS_IN

Standing = Literal["none", "unfinished", "finished"]


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
        if not checkpoint.is_there(self.folder):
            return "none"
        asked = {"student": self.about, "options": asdict(self.options)}
        told = _told(self.folder)
        for key, value in json.loads(json.dumps(asked)).items():
            if differences := list(checkpoint.differences(told.get(key), value, key)):
                raise BadInput(f"{self.folder} holds another training: {'; '.join(differences[:3])}.")
        return "finished" if told["step"] == told["steps"] else "unfinished"


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


def forget_training(folder: Path) -> None:
    """Make room for another: its checkpoints are removed, pictures of what it learnt as well.

    BadInput while a process trains there.
    """
    with claimed(folder, Ranks(0, 1, torch.device("cpu"))):
        for path in (folder / LAST, folder / BEST, folder / JSON, *folder.glob("samples/epoch_*")):
            path.unlink(missing_ok=True)


def last_figures(folder: Path) -> dict[str, float]:
    """What the last epoch came to, by name: loss_train, and those of validation without their "_val"."""
    log = json.loads((folder / JSON).read_text(encoding="utf-8"))["log"]
    return {name.removesuffix("_val"): value for name, value in log[-1].items() if name not in ("epoch", "step")}


def _told(folder: Path) -> Mapping[str, Any]:
    """What the training in a folder says of itself."""
    try:
        told = json.loads((folder / JSON).read_text(encoding="utf-8"))
        return {key: told[key] for key in ("student", "options", "step", "steps")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"{folder} holds {LAST} but no {JSON} that tells of it: take another folder with --run, or remove this one."
        ) from error
