"""ovstore train supervised: a student that learns the classes themselves, to hold what words find against."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...core import plugins
from ...core.wording import counted
from .._options.eval_options import labels_option, make_folder, table_option
from .._options.shared import opened_store, say
from .._options.training import TrainingCommand, is_first, options_from, training_options

if TYPE_CHECKING:
    from ...evaluation.labels.label_set import LabelSet
    from ...ingest.training.run import TrainingRun
    from ...store.catalog.catalog import SceneInfo
    from ...store.postgres.database import Database

CONFIG = "mink_scannet"


class _Supervised(TrainingCommand):
    config = CONFIG


@click.command("supervised", cls=_Supervised)
@labels_option
@table_option
@click.option(
    "--passes",
    type=click.IntRange(1),
    metavar="N",
    help="Predict with N random placements, scores summed, as OpenScene does  [default: scenes as they stand]",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    required=True,
    help="Folder of the training run and of its predictions/.",
)
def command(**params: Any) -> None:
    """Train a student on the labels of points, as a baseline.

    Like OpenScene's MinkowskiNet, it knows the classes that it was trained on, and no words. All other scenes are
    predicted, as files in the format of ScanNet's benchmark that `ovstore eval` evaluates.

    \b
    Examples:
      ovstore train supervised --labels scannet20 --out mink/
      ovstore eval --labels scannet20 --predictions mink/predictions
      ovstore train supervised --labels colours.json --student tiny --voxel-size 0.05 --epochs 40 --out small/
      torchrun --nproc-per-node 4 -m ovstore.cli train supervised --labels scannet20 --out mink/
    """
    from ...models.training.parallel import ranks
    from ...workflows.training_run import planned_by_first

    if not is_first():
        logging.disable(logging.WARNING)
    with opened_store(reading=True) as store, ranks(params["device"]) as group:
        plan = planned_by_first(group, lambda: _planned(store, params))
        _train(store, plan, params)
        if group.first:
            _predict(store, plan, params)


@dataclass(frozen=True)
class _Plan:
    """What is to be learnt, by which scenes, and which are predicted. Pickles."""

    training_run: "TrainingRun"
    label_set: "LabelSet"
    taught: "tuple[SceneInfo, ...]"
    others: "tuple[SceneInfo, ...]"
    known: "tuple[SceneInfo, ...]"  # those of `others` that have labels


def _planned(store: "Database", params: dict[str, Any]) -> _Plan:
    """The training's folder is ready for it."""
    from ...core.errors import NotFound
    from ...evaluation.labels import label_files
    from ...evaluation.scenes import select, truth_of
    from ...evaluation.wording import left_out
    from ...ingest.training.scenes import divide, require_colors
    from ...ingest.training.supervised import training_run_of
    from ...workflows.training_run import make_room
    from .._options.from_dataclass import from_params

    label_set = label_files.load(params["label_set_name"], params["table"])
    student = plugins.load("models.students", params["student"], noun="student")
    classes = tuple(each.name for each in label_set.classes)
    training_run = training_run_of(
        classes, params["student"], from_params(student.Options, params), options_from(params), params["out"]
    )
    selected = select(store, None, params["datasets"], params["scenes"])
    teaching, others = divide(
        selected, lambda scene: scene.split, params["split"], params["val_split"], params["hold_out"]
    )
    taught = [scene for scene in teaching if truth_of(store, scene, label_set)]
    if not taught:
        raise NotFound(
            f"No point of {counted(len(teaching), 'scene')} has a label that is a class of {label_set.name}. "
            f"See: ovstore labels map {label_set.name} --all"
        )
    if training_run.options.inputs == "color":
        require_colors(store, (*taught, *others))
    lacking = f"a point whose label is a class of {label_set.name}"
    for note in left_out([scene.full_name for scene in teaching if scene not in taught], lacking):
        say(note, err=True)
    make_folder(training_run.folder)
    make_room(training_run, params["resume"], params["again"], "--out DIR")
    tried = counted(len(others), "scene") if others else "none (see --val-split, --hold-out)"
    say(
        f"Training {training_run.student} on {counted(len(taught), 'scene')} with the {len(classes)} classes of "
        f"{label_set.name}, validated on {tried}: {training_run.folder}"
    )
    known = tuple(scene for scene in others if truth_of(store, scene, label_set))
    return _Plan(training_run, label_set, tuple(taught), tuple(others), known)


def _train(store: "Database", plan: _Plan, params: dict[str, Any]) -> None:
    from ...ingest.training.supervised import source
    from ...workflows.supervised_validation import SupervisedValidation
    from ...workflows.training_run import train_to_the_end

    validation_of = SupervisedValidation(store, plan.label_set, plan.training_run.options)
    sources = [source(store, scene, validation_of.classes) for scene in plan.taught]
    validate = (lambda network, epoch: validation_of.figures(network, plan.known)) if plan.known else None
    train_to_the_end(plan.training_run, sources, validate, params)


def _predict(store: "Database", plan: _Plan, params: dict[str, Any]) -> None:
    """By the last weights; one class a point, as files that `ovstore eval` reads."""
    if not plan.others:
        return
    from ...ingest.training.students import student_of_file
    from ...models.devices import device_of
    from ...models.training.checkpoint import LAST
    from ...workflows.supervised_validation import SupervisedValidation
    from ...workflows.training_run import told_figures

    folder = plan.training_run.folder / "predictions"
    make_folder(folder)
    network = student_of_file(plan.training_run.folder / LAST).network.to(device_of(params["device"]))
    validation_of = SupervisedValidation(store, plan.label_set, plan.training_run.options)
    figures = validation_of.figures(network, plan.others, params["passes"], folder)
    said = f"  {told_figures(figures)}" if plan.known else ""
    say(f"{counted(len(plan.others), 'scene')} predicted{said}: {folder}")
    say(f"Evaluate them: ovstore eval --labels {params['label_set_name']} --predictions {folder}")


command.params += training_options(CONFIG)
