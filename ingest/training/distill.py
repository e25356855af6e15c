"""Published feature sets teach a student; what it says of every point becomes feature sets of its own.

lesson     which scenes teach, which only judge            distillation/teachers.py
teach      the training, watched on validation scenes      course.py, distillation/watching.py
write      a job a scene: vectors, objects, regions        distillation/writing.py
"""

from pathlib import Path
from typing import Any

from ...core.errors import BadInput
from ...models.training.options import Options
from .run import Course
from .teachers import Lesson


def course_of(lesson: Lesson, student: str, student_options: Any, options: Options, folder: Path) -> Course:
    """A student of the lesson's vectors; it knows the words of their encoder, and by whose vectors it was taught."""
    if options.loss == "cross_entropy":
        raise BadInput(
            "loss is 'cross_entropy', which teaches classes; vectors are taught by 'cosine' or 'l1', classes by "
            "`ovstore train supervised`."
        )
    taught = {teacher.scene.full_name: teacher.features.content_digest[:12] for teacher in lesson.taught}
    teaching = {"features": lesson.features, **lesson.encoding, "taught": taught}
    return Course(student, student_options, lesson.space.dim, teaching, options, folder)
