"""ovstore distill: a 3D network learns what fusion found, and speaks for every point."""

import logging
import re
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..core import plugins
from ..core.wording import counted, short_list
from ._options.completion import complete
from ._options.encoder_options import value_of
from ._options.shared import opened_store, say
from ._options.training import TrainingCommand, is_first, options_from, training_options, typed_flags

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..ingest.training.run import TrainingRun
    from ..ingest.training.teachers import TrainingSet
    from ..ingest.training.validation_callbacks import ValidationCallback

_HELP = """Train a 3D network on fused features and write its features.

    The network (the student) is trained on the scenes of the train split and validated on those of the val split. Then
    all scenes get its features, with objects and regions of their own, as the feature set --out. It works on points,
    so points that no camera saw get features too. Up-to-date scenes are skipped; --resume continues an interrupted
    training run.

    \b
    Examples:
      ovstore distill --features openclip --out distilled
      ovstore distill --features openclip --out distilled --config small --student tiny --hold-out 2
      ovstore distill --features openclip --out distilled --resume
      ovstore distill --weights scannet_lseg.pth.tar --features lseg --out published
      torchrun --nproc_per_node 4 -m ovstore.cli distill --features openclip --out distilled
    """

_WRITING = (
    "features", "out", "config", "again", "device", "datasets", "scenes", "weights", "write_only", "encoder", "passes",
    "write_workers", "as_json", "voxel_size", "inputs", "target", "seed",
)  # fmt: skip


class _Distill(TrainingCommand):
    """Also the options of --encoder, each with the prefix --encoder-, where it is typed."""

    def sections(self, args: list[str]) -> list[tuple[str, list[click.Option]]]:
        from ._options.from_dataclass import options_of

        sections = super().sections(args)
        name = value_of("--encoder", args)
        if name is None:
            return sections
        options = options_of(plugins.load("models.encoders", name, noun="encoder").Options)
        for option in options:
            option.name = f"encoder_{option.name}"
            option.opts = [f"--encoder-{flag[2:]}" for flag in option.opts]
            option.secondary_opts = [f"--no-encoder-{flag[5:]}" for flag in option.secondary_opts]
        return [*sections, (f"Options of --encoder {name}", options)]


def _params() -> list[click.Parameter]:
    return [
        click.Option(["--features"], shell_complete=complete("features"), metavar="SET",
                     help="The feature sets to train on, by name."),
        click.Option(["--out"], metavar="NAME", required=True, help="Name of the feature sets that are written."),
        *training_options(),
        click.Option(["--labels", "label_set_name"], metavar="SET",
                     help="Also report the mean IoU on validation scenes that have labels: see `ovstore labels list`."),
        click.Option(["--run", "run_folder"], type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
                     help="Folder of the training run  [default: students/NAME in the store]"),
        click.Option(["--weights"], type=click.Path(path_type=Path), metavar="FILE.pth.tar",
                     help="Do not train: use a student trained here, or one that OpenScene published."),
        click.Option(["--encoder"], metavar="NAME",
                     help="The encoder whose text tower belongs to --weights, if the store has no such features: "
                     + ", ".join(plugins.names("models.encoders"))
                     + ". Its options get the prefix --encoder-: see --encoder NAME --help."),
        click.Option(["--train-only"], is_flag=True, help="Train only; write no features."),
        click.Option(["--write-only"], is_flag=True,
                     help="Do not train; write features with the student in the "
                     "run's folder."),
        click.Option(["--passes"], type=click.IntRange(1), default=1, show_default=True,
                     help="Average this many passes over the scene, placed at random; 1: one pass, as it stands."),
        click.Option(["--write-workers"], type=click.IntRange(1), default=1, show_default=True,
                     help="Scenes written at once, each in its own process."),
        click.Option(["--json", "as_json"], is_flag=True, help="Print JSON for programs."),
    ]  # fmt: skip


def _distill(**params: Any) -> None:
    from ..workflows.student_writing import write_with_training_set, write_with_weights

    _check(params)
    if not is_first():
        logging.disable(logging.WARNING)
    if params["weights"] or params["write_only"]:
        if is_first():
            raise SystemExit(write_with_weights(params))
        return
    from ..models.training.parallel import ranks
    from ..workflows.training_run import planned_by_first

    # The teachers' files stay as they are read, whoever ingests their scenes again.
    with opened_store(reading=True) if is_first() else nullcontext(), ranks(params["device"]) as group:
        plan = planned_by_first(group, lambda: _planned(params))
        _train(plan, params)
    if is_first() and not params["train_only"]:
        raise SystemExit(write_with_training_set(plan.training_run.folder, plan.training_set, params))


@dataclass(frozen=True)
class _Plan:
    """What is to be learnt, from whom, and who watches. Pickles."""

    training_run: "TrainingRun"
    training_set: "TrainingSet"
    anchors: "NDArray[np.float16] | None"  # objects of the teachers, where they count
    callbacks: "list[ValidationCallback]"


def _check(params: dict[str, Any]) -> None:
    """UsageError for options that make no sense together."""
    if not re.fullmatch(r"\w[\w.+-]*", params["out"]):
        raise click.UsageError(f"--out is {params['out']!r}: a name of letters, digits and . _ + - was expected.")
    if params["weights"] and params["write_only"]:
        raise click.UsageError("--write-only uses the weights in the run's folder: leave it or --weights out.")
    if params["weights"] or params["write_only"]:
        without, folder = ("--weights", ()) if params["weights"] else ("--write-only", ("run_folder",))
        for name, flag in typed_flags().items():
            if name not in (*_WRITING, *folder) and not name.startswith("encoder_"):
                raise click.UsageError(f"With {without} nothing is trained: leave {flag} out.")
    elif params["features"] is None:
        raise click.UsageError("Name the feature sets to train on: --features NAME (see `ovstore features`).")
    elif params["encoder"]:
        raise click.UsageError("The training features record their encoder: --encoder is for --weights.")
    if params["features"] == params["out"]:
        raise click.UsageError("--out would replace the features to train on: choose another name.")


def _planned(params: dict[str, Any]) -> _Plan:
    """The training's folder is ready for it."""
    from ..workflows.training_run import make_room

    training_run, held, anchors = _training_run(params)
    callbacks = _callbacks(held, training_run.folder, params["label_set_name"])
    make_room(training_run, params["resume"], params["again"], "--run DIR", "; --write-only writes features with it")
    say(_introduction(training_run, held), err=params["as_json"])
    return _Plan(training_run, held, anchors, callbacks)


def _training_run(params: dict[str, Any]) -> "tuple[TrainingRun, TrainingSet, NDArray[np.float16] | None]":
    """What is to be learnt, from whom, and the objects that it is to be like."""
    from ..ingest.training.distill import training_run_of
    from ..ingest.training.scenes import require_colors
    from ..ingest.training.students import students_folder
    from ..ingest.training.teachers import objects, training_set
    from ..store.catalog import catalog
    from ..workflows.student_writing import require_free_name
    from ._options.from_dataclass import from_params

    options = options_from(params)
    with opened_store() as store:
        scenes = catalog.chosen_scenes(store, params["datasets"], params["scenes"])
        require_free_name(store, scenes, params["out"])
        held = training_set(store, scenes, params["features"], params["split"], params["val_split"], params["hold_out"])
        if options.inputs == "color":
            require_colors(store, (teacher.scene for teacher in (*held.taught, *held.validation)))
        anchors = objects(store, held.taught) if options.anchor_weight else None
        folder = params["run_folder"] or students_folder(store, params["out"])
    student = plugins.load("models.students", params["student"], noun="student")
    return (
        training_run_of(held, params["student"], from_params(student.Options, params), options, folder),
        held,
        anchors,
    )


def _introduction(training_run: "TrainingRun", held: "TrainingSet") -> str:
    training = f"Training {training_run.student} on {counted(len(held.taught), 'scene')}"
    if held.validation:
        names = [teacher.scene.name for teacher in held.validation]
        validation = f"validated on {short_list(names, 1)}"
    else:
        validation = "no validation (--hold-out N keeps the last N scenes for it)"
    vectors = f"{held.features!r} ({held.space.name}, {held.space.dim} numbers per point)"
    return f"{training} with {vectors}, {validation}: {training_run.folder}"


def _train(plan: _Plan, params: dict[str, Any]) -> None:
    from ..ingest.training.validation_callbacks import validation
    from ..workflows.training_run import told_figures, train_to_the_end

    def tell(epoch: int, figures: Mapping[str, float]) -> None:
        say(f"epoch {epoch}: {told_figures(figures)}", err=True)

    predicted = plan.training_set.validation
    validate = validation(predicted, plan.training_run.options, plan.callbacks, tell) if predicted else None
    sources = [teacher.source for teacher in plan.training_set.taught]
    train_to_the_end(plan.training_run, sources, validate, params, plan.anchors)


def _callbacks(held: "TrainingSet", folder: Path, label_set_name: str | None) -> "list[ValidationCallback]":
    """Who looks at validation scenes: always one who draws, and one who knows labels where a set is named."""
    if not held.validation:
        return []
    from ..workflows.validation_images import LabelAccuracy, SampleImages

    callbacks: list[ValidationCallback] = [SampleImages(folder / "samples")]
    if label_set_name is not None:
        from ..evaluation.labels import label_files
        from ..query.encode import encoder_of
        from ..workflows.class_texts import class_texts

        label_set = label_files.load(label_set_name)
        with opened_store() as store:
            asked = class_texts(encoder_of(held.encoding, held.space, store=store), label_set, False, None)
        for note in asked.notes:
            say(note, err=True)
        callbacks.append(LabelAccuracy(label_set, asked.texts))
    return callbacks


command = _Distill("distill", params=_params(), callback=_distill, help=_HELP)
