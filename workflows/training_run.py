"""What workflows that train share: options over a configuration, room in the folder, and training to the end."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..core import plugins
from ..core.annotated import check_fields
from ..core.errors import BadInput, OvstoreError
from ..core.options import chosen, converted
from .scene_jobs import nobody, require_counts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..ingest.training.run import TrainingRun
    from ..models.training.loop import Validate
    from ..models.training.options import TrainingOptions
    from ..models.training.parallel import Ranks
    from ..models.training.progress import Progress
    from ..models.training.scenes import TrainingSource

T = TypeVar("T")


class FirstProcessFailed(OvstoreError):
    """The first of several training processes failed, and said why."""


@dataclass(frozen=True)
class TrainingChoices:
    """What every training run is asked for: scenes, network, options, and how it runs."""

    datasets: tuple[str, ...] = ()  # empty: all
    scenes: tuple[str, ...] = ()  # empty: all
    split: str | None = None  # scenes of this split are trained on; None: train, or all where no scene has a split
    val_split: str = "val"  # scenes of this split are validated on
    hold_out: int = 0  # the last so many scenes are validated on instead of trained on
    student: str = "minkunet18a"  # the network's plug-in
    student_options: Mapping[str, Any] = field(default_factory=dict)  # chosen explicitly, by name
    config: str | None = None  # a named configuration or a TOML file; None: the workflow's default
    options: Mapping[str, Any] = field(default_factory=dict)  # fields of TrainingOptions; they override `config`
    resume: bool = False  # continue the training run in the folder
    again: bool = False  # discard it and start over; also write existing features again
    validate_every: int = 5  # epochs
    device: str = "auto"
    workers: int = 2  # threads that prepare samples

    def __post_init__(self) -> None:
        check_fields(self)
        require_counts(validate_every=self.validate_every)
        for name in ("hold_out", "workers"):
            if getattr(self, name) < 0:
                raise BadInput(f"{name} must be 0 or more, not {getattr(self, name)}.")


@dataclass(frozen=True)
class TrainingCallbacks:
    """What is called while a training run goes on; each may be left out."""

    step: "Callable[[Progress], None]" = nobody
    validated: Callable[[int, Mapping[str, float]], None] = lambda epoch, figures: None
    note: Callable[[str], None] = nobody  # a sentence that a person should read


UNHEARD = TrainingCallbacks()


@dataclass(frozen=True)
class TrainedRun:
    """A training run that is at its end."""

    folder: Path
    steps: int | None  # None: it was at its end already
    figures: Mapping[str, float]  # of the last epoch


def training_options(choices: TrainingChoices, config: str) -> "TrainingOptions":
    """Those of the configuration, `config` where none is named; explicit options override them."""
    from ..models.training.configs import named
    from ..models.training.options import TrainingOptions

    return replace(named(choices.config or config), **converted(TrainingOptions, choices.options, "training"))


def training_student(choices: TrainingChoices) -> Any:
    """The options of the network, with those that were chosen explicitly."""
    student = plugins.load("models.students", choices.student, noun="student")
    return chosen(student.Options, choices.student_options, choices.student)


def planned_by_first(ranks: "Ranks", plan: Callable[[], T]) -> T:
    """What the first of several processes plans, in all of them; FirstProcessFailed in the others if it cannot."""
    planned: T | None = None
    try:
        if ranks.first:
            planned = plan()
    finally:
        planned = ranks.of_first(planned)
    if planned is None:
        raise FirstProcessFailed("The first process of this training run failed, and said why.")
    return planned


def make_room(training_run: "TrainingRun", resume: bool, again: bool, elsewhere: str, besides: str = "") -> None:
    """BadInput for a training run in the folder that is neither to be continued nor discarded, or none to continue.

    `elsewhere` is the option that names another folder, `besides` what else can be done with a run that is there.
    """
    from ..ingest.training.run_folder import forget_training

    if again:
        forget_training(training_run.folder)
    ways = f"--again discards it and starts over, {elsewhere} uses another folder"
    try:
        state = training_run.state()
    except BadInput as error:
        raise BadInput(f"{error} Repeat the options it was started with; {ways}{besides}.") from error
    if state == "none" and resume:
        raise BadInput(f"{training_run.folder} contains no training run to continue: leave --resume out.")
    if state == "unfinished" and not resume:
        raise BadInput(f"{training_run.folder} contains an interrupted training run: --resume continues it; {ways}.")


def train_to_the_end(
    training_run: "TrainingRun",
    sources: "Sequence[TrainingSource]",
    validate: "Validate | None",
    choices: TrainingChoices,
    callbacks: TrainingCallbacks,
    anchors: "NDArray[np.float16] | None" = None,
) -> TrainedRun:
    """Train unless the run is at its end already; Interrupted after a signal, with the state so far saved."""
    from ..ingest.training.run_folder import last_figures

    steps = None
    if training_run.state() != "finished":
        steps = training_run.train(
            sources,
            validate,
            anchors,
            device=choices.device,
            workers=choices.workers,
            resume=choices.resume,
            validate_every=choices.validate_every,
            report=callbacks.step,
        ).steps
    return TrainedRun(training_run.folder, steps, last_figures(training_run.folder))


def told_figures(figures: Mapping[str, float]) -> str:
    """Means over classes in per cent, as tables have them."""
    return "  ".join(
        f"{name} {100 * value:.1f}" if name in ("mIoU", "mAcc") else f"{name} {value:.4f}"
        for name, value in figures.items()
    )
