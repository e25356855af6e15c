"""ovstore distill: a 3D network is trained on fused features and writes features for every point."""

import logging
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..core import plugins
from ._options.completion import complete
from ._options.encoder_options import value_of
from ._options.shared import misuse, opened_store
from ._options.training import TrainingCommand, choices_of, is_first, training_options, typed_flags
from ._output.printing import say
from ._output.scene_jobs import scene_lines, stored_lines, stored_summary
from ._output.training import planned_by_first, train

if TYPE_CHECKING:
    from ..ingest.training.student_features import InferenceSummary
    from ..ingest.training.teachers import TrainingSet
    from ..store.postgres.database import Database
    from ..workflows.distill import DistillPlan, DistillRequest

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
    from ..workflows import distill

    if not is_first():
        logging.disable(logging.WARNING)
    with misuse():
        request = _request(params)
        distill.check(request)
        _check_typed(request)
    training_set = _train(request, params["as_json"]) if request.trains else None
    if is_first() and not request.train_only:
        raise SystemExit(_write(request, training_set, params["as_json"]))


def _request(params: dict[str, Any]) -> "DistillRequest":
    from ..workflows.distill import DistillRequest
    from ._options.from_dataclass import named_fields

    return DistillRequest(
        **named_fields(DistillRequest, params) | choices_of(params),
        label_set=params["label_set_name"],
        folder=params["run_folder"],
        encoder_options={
            name.removeprefix("encoder_"): value
            for name, value in params.items()
            if name.startswith("encoder_") and value is not None
        },
    )


def _check_typed(request: "DistillRequest") -> None:
    """Options of training are refused where nothing is trained, also with the values that they have by default."""
    if request.trains:
        return
    without, folder = ("--weights", ()) if request.weights else ("--write-only", ("run_folder",))
    for name, flag in typed_flags().items():
        if name not in (*_WRITING, *folder) and not name.startswith("encoder_"):
            raise click.UsageError(f"With {without} nothing is trained: leave {flag} out.")


def _train(request: "DistillRequest", as_json: bool) -> "TrainingSet":
    from ..models.training.parallel import ranks
    from ..workflows import distill

    def plan(store: "Database | None") -> "DistillPlan":
        assert store is not None  # this is the first process
        planned = distill.plan(store, request)
        for note in planned.notes:
            say(note, err=True)
        say(planned.introduction, err=as_json)
        return planned

    # The training set stays as it is read, whoever ingests its scenes again.
    with opened_store(reading=True) if is_first() else nullcontext() as store, ranks(request.device) as group:
        planned = planned_by_first(group, lambda: plan(store))
        train(planned.training_run, partial(distill.train, planned), as_json)
    return planned.training_set


def _write(request: "DistillRequest", training_set: "TrainingSet | None", as_json: bool) -> int:
    from ..workflows import distill

    with opened_store() as store, misuse():
        try:
            with scene_lines(stored_lines("written", _lines), as_json) as lines:
                written = distill.write(store, request, training_set, lines.report, lines.finished)
        except KeyboardInterrupt:
            say("What was written is kept; the same command without --again writes the rest.", err=True)
            raise
        code = lines.close(stored_summary("written"))
    if not as_json:
        both = f"{written.trained_on},{written.features}" if written.trained_on else written.features
        say(f'Next: ovstore search "a red chair" --features {written.features}')
        say(f"      ovstore eval --features {both} --labels {request.label_set or 'SET'}")
    return code


def _lines(summary: "InferenceSummary") -> list[str]:
    points = f"{summary.points:,} points, {summary.unseen:,} of them seen by no frame"
    return [f"{summary.scene}  {points}  {summary.regions:,} regions  {summary.seconds:.1f} s"]


command = _Distill("distill", params=_params(), callback=_distill, help=_HELP)
