"""ovstore eval instances: how well objects fit the instances of scans."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...core.files import make_output_folder
from ...workflows.evaluated_features import evaluated_features
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
from .._options.shared import json_option, opened_store, print_json, say

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
    if predictions is not None and (features or level or templates or write_predictions):
        raise click.UsageError(
            "Masks of --predictions already have classes: leave --features, --level, --templates and "
            "--write-predictions out."
        )
    from ...evaluation.instances.evaluated import EvaluatedMasks, EvaluatedRegions, Scan
    from ...evaluation.instances.report import as_json as document
    from ...evaluation.instances.run import evaluate_instances
    from ...evaluation.instances.tables import tables
    from ...evaluation.labels import label_files
    from ...evaluation.points.evaluated import evaluated_files
    from ...evaluation.scenes import select
    from .._output.progress import stages

    label_set = label_files.load(label_set_name, table)
    with opened_store(reading=True) as store:
        selected = select(store, split, datasets, scenes)
        evaluated: EvaluatedRegions | EvaluatedMasks
        if predictions is not None:
            evaluated = EvaluatedMasks(evaluated_files(store, selected, predictions, label_set))
        else:
            found = evaluated_features(store, selected, features, label_set, templates)
            evaluated = EvaluatedRegions(found, level or "object")
        if write_predictions is not None:
            make_output_folder(write_predictions)
        with stages(len(evaluated.source.scenes)) as bars:

            def keep(scan: Scan) -> None:
                if write_predictions is not None and isinstance(evaluated, EvaluatedRegions):
                    evaluated.write(write_predictions, scan, label_set)
                bars.scene_done()

            report = evaluate_instances(store, evaluated, label_set, min_points, keep)
    means, classes, *others = tables(report, per_scene)
    save_tables(out, report, [means, classes, *others], document)
    if as_json:
        print_json(document(report))
    else:
        print_tables(report, [classes, means, *others])
    if write_predictions is not None:
        say(f"Written: {write_predictions}", err=True)
