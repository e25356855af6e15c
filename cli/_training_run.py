"""A training that a command starts: room in its folder, progress while it runs, and how to go on where it stopped."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from ..ingest.training_folder import Standing, forget_training, last_figures
from ..store.errors import BadInput, Interrupted
from ._training import command_to_resume, is_first, live

if TYPE_CHECKING:
    from ..models.training.loop import Trained
    from ..models.training.progress import Progress


class Course(Protocol):
    """What is to be learnt, and where."""

    @property
    def folder(self) -> Path:
        """Of the training."""

    def standing(self) -> Standing:
        """How far it is; BadInput when another training is there."""


def make_room(course: Course, resume: bool, again: bool, elsewhere: str, besides: str = "") -> None:
    """BadInput for a training in the folder that nobody asked to go on with or to replace, or --resume without one.

    `elsewhere` is the flag of another folder, `besides` what else can be done with a training that is there.
    """
    if again:
        forget_training(course.folder)
    ways = f"--again begins anew in its place, {elsewhere} in another folder"
    try:
        standing = course.standing()
    except BadInput as error:
        raise BadInput(f"{error} Go on with what it was begun with; {ways}{besides}.") from error
    if standing == "none" and resume:
        raise BadInput(f"{course.folder} holds no training to go on with: leave --resume out.")
    if standing == "unfinished" and not resume:
        raise BadInput(f"{course.folder} holds a training that was stopped: --resume goes on with it; {ways}.")


def train_to_the_end(
    course: Course, start: "Callable[[Callable[[Progress], None]], Trained]", to_stderr: bool = False
) -> None:
    """`start` the training, unless it is at its end; a signal saves, and says how to go on."""
    done = "trained already"
    if course.standing() != "finished":
        try:
            with live() as report:
                done = f"trained {start(report).steps:,} steps"
        except Interrupted as stopped:
            if is_first():
                click.echo(f"{stopped}\n  {command_to_resume(click.get_current_context())}", err=True)
            raise SystemExit(130) from stopped
    if is_first():
        click.echo(f"{done}  {told_figures(last_figures(course.folder))}", err=to_stderr)


def told_figures(figures: Mapping[str, float]) -> str:
    """Means over classes in per cent, as tables have them."""
    return "  ".join(
        f"{name} {100 * value:.1f}" if name in ("mIoU", "mAcc") else f"{name} {value:.4f}"
        for name, value in figures.items()
    )
