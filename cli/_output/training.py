"""What commands that train print: live progress, validation metrics, the end, and how to continue."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import click

from ...core.errors import BadInput, Interrupted, NotFound
from .._options.training import command_to_resume, is_first
from .._output.printing import say

if TYPE_CHECKING:
    from ...ingest.training.run import TrainingRun
    from ...models.training.parallel import Ranks
    from ...models.training.progress import Progress
    from ...workflows.training_run import TrainedRun, TrainingCallbacks

T = TypeVar("T")

_SECONDS_BETWEEN_LINES = 30


def planned_by_first(ranks: "Ranks", plan: Callable[[], T]) -> T:
    """As the workflow's; processes that learn that the first one failed end silently."""
    from ...workflows import training_run

    try:
        return training_run.planned_by_first(ranks, plan)
    except training_run.FirstProcessFailed as error:
        raise SystemExit(1) from error


def train(run: "TrainingRun", task: "Callable[[TrainingCallbacks], TrainedRun]", as_json: bool = False) -> None:
    """Do `task` with live progress; a signal ends with the command that continues the run, and exit code 130."""
    from ...workflows.training_run import TrainingCallbacks, told_figures

    def validated(epoch: int, figures: Mapping[str, float]) -> None:
        say(f"epoch {epoch}: {told_figures(figures)}", err=True)

    try:
        with live() as step:
            trained = task(TrainingCallbacks(step, validated))
    except Interrupted as stopped:
        if is_first():
            say(str(stopped), f"  {command_to_resume(click.get_current_context())}", err=True)
        raise SystemExit(130) from stopped
    except (BadInput, NotFound) as error:
        if run.state() == "unfinished":
            resume = command_to_resume(click.get_current_context())
            raise type(error)(f"{error} The state so far is kept; after fixing the problem: {resume}") from error
        raise
    if is_first():
        done = "already trained" if trained.steps is None else f"trained {trained.steps:,} steps"
        say(f"{done}  {told_figures(trained.figures)}", err=as_json)


@contextmanager
def live() -> "Iterator[Callable[[Progress], None]]":
    """A bar with loss, speed and time left on a terminal; elsewhere one line per epoch or 30 s, on stderr."""
    if not sys.stderr.isatty():
        yield _Lines().report
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[said]}"))
    with Bars(*columns, console=Console(stderr=True), transient=True, redirect_stdout=sys.stdout.isatty()) as bars:
        task = bars.add_task("training", total=None, said="")

        def report(now: "Progress") -> None:
            where = f"epoch {now.epoch} of {now.epochs}"
            bars.update(task, total=now.steps, completed=now.step, description=where, said=_said(now))

        yield report


class _Lines:
    def __init__(self) -> None:
        self._epochs, self._at = 0, time.monotonic()

    def report(self, now: "Progress") -> None:
        """A line at the end of each epoch, and where 30 seconds went by without one."""
        epochs = now.step // (now.steps // now.epochs)
        if epochs > self._epochs or time.monotonic() - self._at >= _SECONDS_BETWEEN_LINES:
            self._epochs, self._at = epochs, time.monotonic()
            say(f"epoch {now.epoch} of {now.epochs}  step {now.step:,} of {now.steps:,}  {_said(now)}", err=True)


def _said(now: "Progress") -> str:
    return f"loss {now.loss:.4f}  {now.voxels_per_second:,.0f} voxels/s  {_clock(now.seconds_left)} left"


def _clock(seconds: float) -> str:
    if seconds != seconds:
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
