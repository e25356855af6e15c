"""A training that a command starts: room in its folder, progress while it runs, and how to go on where it stopped."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click
import numpy as np
from numpy.typing import NDArray

from ..cli._options.shared import say
from ..cli._options.training import command_to_resume, is_first, live
from ..core.errors import BadInput, Interrupted, NotFound
from ..ingest.training.run import TrainingRun
from ..ingest.training.run_folder import forget_training, last_figures
from ..models.training.loop import Validate
from ..models.training.parallel import Ranks
from ..models.training.scenes import TrainingSource

T = TypeVar("T")


def planned_by_first(ranks: Ranks, plan: Callable[[], T]) -> T:
    """What the first of several processes plans, in all of them; a mistake is its alone to tell, and ends them all."""
    planned: T | None = None
    try:
        if ranks.first:
            planned = plan()
    finally:
        planned = ranks.of_first(planned)
    if planned is None:
        raise SystemExit(1)
    return planned


def make_room(training_run: TrainingRun, resume: bool, again: bool, elsewhere: str, besides: str = "") -> None:
    """BadInput for a training in the folder that nobody asked to go on with or to replace, or --resume without one.

    `elsewhere` is the flag of another folder, `besides` what else can be done with a training that is there.
    """
    if again:
        forget_training(training_run.folder)
    ways = f"--again discards it and starts over, {elsewhere} uses another folder"
    try:
        standing = training_run.standing()
    except BadInput as error:
        raise BadInput(f"{error} Repeat the options it was started with; {ways}{besides}.") from error
    if standing == "none" and resume:
        raise BadInput(f"{training_run.folder} contains no training run to continue: leave --resume out.")
    if standing == "unfinished" and not resume:
        raise BadInput(f"{training_run.folder} contains an interrupted training run: --resume continues it; {ways}.")


def train_to_the_end(
    training_run: TrainingRun,
    sources: Sequence[TrainingSource],
    validate: Validate | None,
    params: Mapping[str, Any],
    anchors: NDArray[np.float16] | None = None,
) -> None:
    """As the options of training say, unless the course is at its end; a signal saves, and says how to go on."""
    done = "already trained"
    if training_run.standing() != "finished":
        try:
            with live() as report:
                trained = training_run.teach(
                    sources,
                    validate,
                    anchors,
                    **{name: params[name] for name in ("device", "workers", "resume", "validate_every")},
                    report=report,
                )
            done = f"trained {trained.steps:,} steps"
        except Interrupted as stopped:
            if is_first():
                say(str(stopped), f"  {command_to_resume(click.get_current_context())}", err=True)
            raise SystemExit(130) from stopped
        except (BadInput, NotFound) as error:
            if training_run.standing() == "unfinished":
                resume = command_to_resume(click.get_current_context())
                raise type(error)(f"{error} The state so far is kept; after fixing the problem: {resume}") from error
            raise
    if is_first():
        say(f"{done}  {told_figures(last_figures(training_run.folder))}", err=params.get("as_json", False))


def told_figures(figures: Mapping[str, float]) -> str:
    """Means over classes in per cent, as tables have them."""
    return "  ".join(
        f"{name} {100 * value:.1f}" if name in ("mIoU", "mAcc") else f"{name} {value:.4f}"
        for name, value in figures.items()
    )
