"""Distill: a 3D network is trained on published features and writes its own, also for points that no frame saw."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.annotated import checked
from ..core.errors import Misused
from ..core.names import require_name
from ..core.wording import counted, short_list
from ..ingest.report import Report, quiet
from ..store.postgres.database import Database
from .scene_jobs import Finished, SceneResults, nobody, require_counts
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
    import numpy as np
    from numpy.typing import NDArray

    from ..ingest.training.run import TrainingRun
    from ..ingest.training.student_features import InferenceSummary
    from ..ingest.training.teachers import TrainingSet
    from ..ingest.training.validation_callbacks import ValidationCallback

CONFIG = "scannet"


@dataclass(frozen=True)
class DistillRequest(TrainingChoices):
    """Features to train on, or a trained student, and the name of the features that are written."""

    out: str = ""  # name of the feature sets that are written
    features: str | None = None  # feature sets to train on; with a trained student, whose words its vectors are of
    label_set: str | None = None  # validation also reports the mean IoU with these labels
    folder: Path | None = None  # of the training run; None: students/NAME in the store
    train_only: bool = False  # write no features
    weights: Path | None = None  # do not train: use this student
    write_only: bool = False  # do not train: use the student in the folder
    encoder: str | None = None  # whose text tower belongs to `weights`, if the store has no such features
    encoder_options: Mapping[str, Any] = field(default_factory=dict)
    passes: int = 1  # averaged over random placements of a scene; 1: as it stands
    write_workers: int = 1  # scenes written at once, each in its own process

    def __post_init__(self) -> None:
        super().__post_init__()
        require_counts(passes=self.passes, write_workers=self.write_workers)
        require_name(self.out)

    @property
    def trains(self) -> bool:
        """Whether a student is to be trained first."""
        return not (self.weights or self.write_only)


@dataclass(frozen=True)
class DistillPlan:
    """What is to be trained, on which scenes, and who validates. Pickles."""

    request: DistillRequest
    training_run: "TrainingRun"
    training_set: "TrainingSet"
    anchors: "NDArray[np.float16] | None"  # objects of the training set, where they count
    callbacks: "list[ValidationCallback]"
    notes: tuple[str, ...]

    @property
    def introduction(self) -> str:
        """One sentence: what is trained on what."""
        training_set = self.training_set
        training = f"Training {self.training_run.student} on {counted(len(training_set.training), 'scene')}"
        if training_set.validation:
            names = [teacher.scene.name for teacher in training_set.validation]
            validation = f"validated on {short_list(names, 1)}"
        else:
            validation = "no validation (--hold-out N keeps the last N scenes for it)"
        vectors = f"{training_set.features!r} ({training_set.space.name}, {training_set.space.dim} numbers per point)"
        return f"{training} with {vectors}, {validation}: {self.training_run.folder}"


@dataclass(frozen=True)
class Distilled:
    """A trained student, and the scenes that got its features."""

    run: TrainedRun | None  # None: nothing was trained
    features: str  # name of the feature sets that were written
    trained_on: str | None  # name of the feature sets that the student was trained on; None: its file does not say
    scenes: "SceneResults[InferenceSummary]"


@checked
def distill(
    store: Database,
    out: str,
    *,
    features: str | None = None,
    config: str | None = None,
    options: dict[str, Any] | None = None,
    student: str = "minkunet18a",
    student_options: dict[str, Any] | None = None,
    datasets: Sequence[str] | None = None,
    scenes: Sequence[str] | None = None,
    split: str | None = None,
    val_split: str = "val",
    hold_out: int = 0,
    label_set: str | None = None,
    folder: str | Path | None = None,
    resume: bool = False,
    again: bool = False,
    validate_every: int = 5,
    train_only: bool = False,
    weights: str | Path | None = None,
    write_only: bool = False,
    encoder: str | None = None,
    encoder_options: dict[str, Any] | None = None,
    passes: int = 1,
    device: str = "auto",
    workers: int = 2,
    write_workers: int = 1,
    progress: Callable[[str, int, int], None] | None = None,
) -> Distilled:
    """Train a student on the feature sets `features` and write its features as `out`, as `ovstore distill` does.

        made = ovstore.distill(store, "distilled", features="tiny", config="small", student="tiny", hold_out=1)
        print(made.run.steps, made.run.figures["cosine"], len(made.scenes.done))

    `options` are training options by name (see `ovstore distill --help`); they override `config`, a named configuration
    or a TOML file. With `weights`, or `write_only` (the student in the run's folder), nothing is trained: `features` or
    `encoder` then say which text encoder the vectors of a foreign student belong to. `progress` is called with a stage
    ("training", "scenes", and those of the scene in hand), its steps done and all of its steps.

    A scene that cannot be written is in `.scenes.failed` and does not stop the rest. Raises Misused for options that
    make no sense together, NotFound where no scene is left to train on, Interrupted after a signal: `resume` continues.
    """
    request = DistillRequest(
        datasets=tuple(datasets or ()),
        scenes=tuple(scenes or ()),
        split=split,
        val_split=val_split,
        hold_out=hold_out,
        student=student,
        student_options=student_options or {},
        config=config,
        options=options or {},
        resume=resume,
        again=again,
        validate_every=validate_every,
        device=device,
        workers=workers,
        out=out,
        features=features,
        label_set=label_set,
        folder=None if folder is None else Path(folder),
        train_only=train_only,
        weights=None if weights is None else Path(weights),
        write_only=write_only,
        encoder=encoder,
        encoder_options=encoder_options or {},
        passes=passes,
        write_workers=write_workers,
    )
    report = progress or quiet
    heard = TrainingCallbacks(step=lambda now: report("training", now.step, now.steps))
    return run(store, request, heard, report)


def check(request: DistillRequest) -> None:
    """Misused for options that make no sense together."""
    if not re.fullmatch(r"\w[\w.+-]*", request.out):
        raise Misused(f"--out is {request.out!r}: a name of letters, digits and . _ + - was expected.")
    if request.weights and request.write_only:
        raise Misused("--write-only uses the weights in the run's folder: leave it or --weights out.")
    if request.trains and request.features is None:
        raise Misused("Name the feature sets to train on: --features NAME (see `ovstore features`).")
    if request.trains and request.encoder:
        raise Misused("The training features record their encoder: --encoder is for --weights.")
    if request.features == request.out:
        raise Misused("--out would replace the features to train on: choose another name.")


def run(
    store: Database,
    request: DistillRequest,
    callbacks: TrainingCallbacks = UNHEARD,
    report: Report = quiet,
    finished: Finished["InferenceSummary"] = nobody,
) -> Distilled:
    """Train unless there is a trained student, then write its features. A failed scene does not stop the rest."""
    from ..store.catalog import leases

    check(request)
    if not request.train_only or request.folder is None:
        store.require_writable()
    trained, training_set = None, None
    if request.trains:
        with leases.reading(store):  # the training set stays as it is read, whoever ingests its scenes again
            planned = plan(store, request)
            for note in (*planned.notes, planned.introduction):
                callbacks.note(note)
            trained, training_set = train(planned, callbacks), planned.training_set
    if request.train_only:
        return Distilled(trained, request.out, request.features, SceneResults(()))
    return replace(write(store, request, training_set, report, finished), run=trained)


def plan(store: Database, request: DistillRequest) -> DistillPlan:
    """The training set and its run, in a folder with room for it."""
    from ..core.errors import BadInput
    from ..ingest.training.distill import training_run_of
    from ..ingest.training.scenes import require_colors
    from ..ingest.training.students import students_folder
    from ..ingest.training.teachers import objects, training_set
    from ..store.catalog import catalog
    from .student_writing import require_free_name

    if request.features is None:
        raise BadInput("Name the feature sets to train on: --features NAME (see `ovstore features`).")
    options = training_options(request, CONFIG)
    scenes = catalog.chosen_scenes(store, request.datasets, request.scenes)
    require_free_name(store, scenes, request.out)
    found = training_set(store, scenes, request.features, request.split, request.val_split, request.hold_out)
    if options.inputs == "color":
        require_colors(store, (teacher.scene for teacher in (*found.training, *found.validation)))
    anchors = objects(store, found.training) if options.anchor_weight else None
    folder = request.folder or students_folder(store, request.out)
    training_run = training_run_of(found, request.student, training_student(request), options, folder)
    callbacks, notes = _callbacks(store, found, folder, request.label_set)
    make_room(training_run, request.resume, request.again, "--run DIR", "; --write-only writes features with it")
    return DistillPlan(request, training_run, found, anchors, callbacks, notes)


def train(plan: DistillPlan, callbacks: TrainingCallbacks = UNHEARD) -> TrainedRun:
    """To the end; Interrupted after a signal, with the state so far saved."""
    from ..ingest.training.validation_callbacks import validation

    predicted = plan.training_set.validation
    options = plan.training_run.options
    validate = validation(predicted, options, plan.callbacks, callbacks.validated) if predicted else None
    sources = [teacher.source for teacher in plan.training_set.training]
    return train_to_the_end(plan.training_run, sources, validate, plan.request, callbacks, plan.anchors)


def write(
    store: Database,
    request: DistillRequest,
    training_set: "TrainingSet | None" = None,
    report: Report = quiet,
    finished: Finished["InferenceSummary"] = nobody,
) -> Distilled:
    """The features of a trained student, for all chosen scenes; `training_set` is what it was just trained on."""
    from .student_writing import inference_with_training_set, inference_with_weights, write_features

    if training_set is not None:
        inference = inference_with_training_set(store, request, training_set)
    else:
        inference = inference_with_weights(store, request)
    scenes = write_features(store, request, inference, report, finished)
    return Distilled(None, request.out, inference.student["taught_by"], scenes)


def _callbacks(
    store: Database, training_set: "TrainingSet", folder: Path, label_set_name: str | None
) -> "tuple[list[ValidationCallback], tuple[str, ...]]":
    """Sample images of validation scenes, and label accuracy where a label set is named; with notes on its words."""
    if not training_set.validation:
        return [], ()
    from ..ingest.training.run_folder import SAMPLES
    from .validation_images import LabelAccuracy, SampleImages

    samples = SampleImages(folder / SAMPLES)
    if label_set_name is None:
        return [samples], ()
    from ..evaluation.labels import label_files
    from ..query.encode import encoder_of
    from .class_texts import class_texts

    label_set = label_files.load(label_set_name)
    encoder = encoder_of(training_set.encoding, training_set.space, store=store)
    asked = class_texts(encoder, label_set, False, None)
    return [samples, LabelAccuracy(label_set, asked.texts)], asked.notes
