"""ovstore eval instances: how well objects fit the instances of scans."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .._options.completion import complete
from .._options.eval_options import (
    folder,
    labels_option,
    out_option,
    per_scene_option,
    print_tables,
    save_tables,
    scene_options,
    table_option,
    templates_option,
)
from .._options.shared import json_option, misuse, opened_store
from .._output.printing import print_json, say

if TYPE_CHECKING:
    from ...core.features import Level


@click.command("instances")
@labels_option
@click.option(
    "--features",
    shell_complete=complete("features"),
    metavar="NAME",
    help="A feature set by name or id; or fusion, distill  [default: the feature set most scenes have]",
)
@click.option(
    "--level",
    type=click.Choice(["object", "superpoint"]),
    help="The regions that are compared with instances  [default: object]",
)
@click.option(
    "--predictions",
    type=folder,
    metavar="DIR",
    help="Evaluate predictions of another tool instead of features: SCENE.txt with one line per mask: path, label "
    "id, confidence.",
)
@scene_options
@click.option(
    "--min-points",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="Leave out instances and masks with fewer points.",
)
@templates_option
@table_option
@per_scene_option
@out_option
@click.option(
    "--write-predictions",
    type=folder,
    metavar="DIR",
    help="Write SCENE.txt and masks in the format of ScanNet's benchmark.",
)
@json_option
def command(
    label_set_name: str,
    features: str | None,
    level: "Level | None",
    predictions: Path | None,
    split: str | None,
    datasets: tuple[str, ...],
    scenes: tuple[str, ...],
    min_points: int,
    templates: str | None,
    table: Path | None,
    per_scene: bool,
    out: Path | None,
    write_predictions: Path | None,
    as_json: bool,
) -> None:
    """Evaluate objects against the instances of the scans.

    Average precision as in ScanNet's 3D semantic instance benchmark: each object takes the class whose words are
    closest to its vector, and must overlap an instance of that class. Class-agnostic figures ignore the classes.

    \b
    Examples:
      ovstore eval instances --labels scannet20 --split val
      ovstore eval instances --labels scannet200 --min-points 30 --out table.md
      ovstore eval instances --labels scannet200 --predictions mask3d/ --per-scene
    """
    from ...workflows.evaluate_instances import InstancesRequest, evaluate_instances_by
    from .._output.progress import bar

    with misuse():
        request = InstancesRequest(
            labels=label_set_name,
            features=features,
            level=level,
            predictions=predictions,
            split=split,
            datasets=datasets,
            scenes=scenes,
            min_points=min_points,
            templates=templates,
            table=table,
            write_predictions=write_predictions,
        )
    with opened_store() as store, bar() as progress:
        report = evaluate_instances_by(store, request, progress)
    means, classes, *others = report.tables(per_scene)
    save_tables(out, report, [means, classes, *others])
    if as_json:
        print_json(report.to_dict())
    else:
        print_tables(report, [classes, means, *others])
    if write_predictions is not None:
        say(f"Written: {write_predictions}", err=True)
