"""ovstore train supervised: a student trained on the classes themselves, as a baseline for what words find."""

import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...core.wording import counted
from .._options.eval_options import labels_option, table_option
from .._options.shared import opened_store
from .._options.training import TrainingCommand, choices_of, is_first, training_options
from .._output.printing import say
from .._output.training import planned_by_first, train

if TYPE_CHECKING:
    from ...store.postgres.database import Database
    from ...workflows.train_supervised import SupervisedPlan, SupervisedRequest

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
    from ...workflows import train_supervised

    if not is_first():
        logging.disable(logging.WARNING)
    request = _request(params)
    with opened_store(reading=True) as store, ranks(request.device) as group:
        plan = planned_by_first(group, lambda: _planned(store, request))
        train(plan.training_run, partial(train_supervised.train, store, plan))
        if group.first and plan.others:
            _predict(store, plan)


def _request(params: dict[str, Any]) -> "SupervisedRequest":
    from ...workflows.train_supervised import SupervisedRequest
    from .._options.from_dataclass import named_fields

    return SupervisedRequest(
        **named_fields(SupervisedRequest, params) | choices_of(params),
        label_set=params["label_set_name"],
        folder=params["out"],
    )


def _planned(store: "Database", request: "SupervisedRequest") -> "SupervisedPlan":
    from ...workflows import train_supervised

    plan = train_supervised.plan(store, request)
    for note in plan.notes:
        say(note, err=True)
    say(plan.introduction)
    return plan


def _predict(store: "Database", plan: "SupervisedPlan") -> None:
    from ...workflows.train_supervised import predict
    from ...workflows.training_run import told_figures

    made = predict(store, plan)
    said = f"  {told_figures(made.figures)}" if made.figures else ""
    say(f"{counted(len(made.scenes), 'scene')} predicted{said}: {made.folder}")
    say(f"Evaluate them: ovstore eval --labels {plan.request.label_set} --predictions {made.folder}")


command.params += training_options(CONFIG)
