"""Train supervised: a student learns classes from the labels of points, and predicts those of other scenes."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.files import make_output_folder
from ..core.wording import counted
from ..store.postgres.database import Database
from .training_run import (
    UNHEARD,
    TrainedRun,
    TrainingCallbacks,
    TrainingChoices,
    make_room,
    train_to_the_end,
    training_options,
    training_student,
)

if TYPE_CHECKING:
    from ..evaluation.labels.label_set import LabelSet
    from ..ingest.training.run import TrainingRun
    from ..store.catalog.catalog import SceneInfo

CONFIG = "mink_scannet"


@dataclass(frozen=True)
class SupervisedRequest(TrainingChoices):
    """Labels to train on."""

    label_set: str = ""  # a shipped set, or a file
    table: Path | None = None  # other labels for the words of the scans
    folder: Path = Path()  # of the training run and of its predictions/
    passes: int | None = None  # predict with so many random placements, scores summed; None: scenes as they stand


@dataclass(frozen=True)
class SupervisedPlan:
    """What is to be trained, on which scenes, and which are predicted. Pickles."""

    request: SupervisedRequest
    training_run: "TrainingRun"
    label_set: "LabelSet"
    training: "tuple[SceneInfo, ...]"
    others: "tuple[SceneInfo, ...]"
    known: "tuple[SceneInfo, ...]"  # those of `others` that have labels
    notes: tuple[str, ...]

    @property
    def introduction(self) -> str:
        """One sentence: what is trained on what."""
        tried = counted(len(self.others), "scene") if self.others else "none (see --val-split, --hold-out)"
        return (
            f"Training {self.training_run.student} on {counted(len(self.training), 'scene')} with the "
            f"{len(self.label_set.classes)} classes of {self.label_set.name}, validated on {tried}: "
            f"{self.training_run.folder}"
        )


@dataclass(frozen=True)
class Predictions:
    """Files in the format of ScanNet's benchmark, one per scene."""

    folder: Path
    scenes: tuple[str, ...]
    figures: dict[str, float]  # mIoU and mAcc over the scenes that have labels; empty where none has


def plan(store: Database, request: SupervisedRequest) -> SupervisedPlan:
    """The scenes and the run, in a folder with room for it."""
    from ..core.errors import NotFound
    from ..evaluation.labels import label_files
    from ..evaluation.scenes import select, truth_of
    from ..evaluation.wording import left_out
    from ..ingest.training.scenes import divide, require_colors
    from ..ingest.training.supervised import training_run_of

    label_set = label_files.load(request.label_set, request.table)
    classes = tuple(each.name for each in label_set.classes)
    options = training_options(request, CONFIG)
    run = training_run_of(classes, request.student, training_student(request), options, request.folder)
    selected = select(store, None, request.datasets, request.scenes)
    chosen, others = divide(selected, lambda scene: scene.split, request.split, request.val_split, request.hold_out)
    training = [scene for scene in chosen if truth_of(store, scene, label_set)]
    if not training:
        raise NotFound(
            f"No point of {counted(len(chosen), 'scene')} has a label that is a class of {label_set.name}. "
            f"See: ovstore labels map {label_set.name} --all"
        )
    if options.inputs == "color":
        require_colors(store, (*training, *others))
    lacking = f"a point whose label is a class of {label_set.name}"
    notes = left_out([scene.full_name for scene in chosen if scene not in training], lacking)
    make_output_folder(run.folder)
    make_room(run, request.resume, request.again, "--out DIR")
    known = tuple(scene for scene in others if truth_of(store, scene, label_set))
    return SupervisedPlan(request, run, label_set, tuple(training), tuple(others), known, tuple(notes))


def train(store: Database, plan: SupervisedPlan, callbacks: TrainingCallbacks = UNHEARD) -> TrainedRun:
    """To the end; Interrupted after a signal, with the state so far saved."""
    from ..ingest.training.supervised import source
    from .supervised_validation import SupervisedValidation

    validation_of = SupervisedValidation(store, plan.label_set, plan.training_run.options)
    sources = [source(store, scene, validation_of.classes) for scene in plan.training]

    def validate(network: Any, epoch: int) -> dict[str, float]:
        return validation_of.figures(network, plan.known)

    return train_to_the_end(plan.training_run, sources, validate if plan.known else None, plan.request, callbacks)


def predict(store: Database, plan: SupervisedPlan) -> Predictions:
    """One class per point with the last weights, as files that `ovstore eval` reads."""
    from ..ingest.training.students import student_of_file
    from ..models.devices import device_of
    from ..models.training.checkpoint import LAST
    from .supervised_validation import SupervisedValidation

    folder = plan.training_run.folder / "predictions"
    make_output_folder(folder)
    network = student_of_file(plan.training_run.folder / LAST).network.to(device_of(plan.request.device))
    validation_of = SupervisedValidation(store, plan.label_set, plan.training_run.options)
    figures = validation_of.figures(network, plan.others, plan.request.passes, folder)
    names = tuple(scene.full_name for scene in plan.others)
    return Predictions(folder, names, figures if plan.known else {})
