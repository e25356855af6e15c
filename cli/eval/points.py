"""ovstore eval points: how well features label points, against the scans' own labels."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...core.files import make_output_folder
from ...workflows.evaluated_features import evaluated_features
from .._options.completion import complete
from .._options.eval_options import (
    folder,
    labels_option,
    out_option,
    per_scene_option,
    save_tables,
    scene_options,
    table_option,
    templates_option,
)
from .._options.shared import json_option, opened_store, print_json, print_table, say

if TYPE_CHECKING:
    from ...evaluation.labels.label_set import LabelSet
    from ...evaluation.points.evaluated import EvaluatedFeatures, EvaluatedFiles
    from ...evaluation.points.protocol import Protocol
    from ...evaluation.points.report import PointReport
    from ...evaluation.points.run import PointEvaluation
    from ...store.postgres.database import Database


@click.command("points")
@labels_option
@click.option(
    "--features",
    shell_complete=complete("features"),
    metavar="NAME[,NAME]",
    help="Feature sets by name or id; or fusion, distill, ensemble; two names form an ensemble  [default: the "
    "feature set most scenes have]",
)
@click.option(
    "--predictions",
    type=folder,
    metavar="DIR",
    help="Evaluate predictions of another tool instead of features: SCENE.txt with one label id per line.",
)
@scene_options
@click.option(
    "--protocol",
    "protocol_name",
    type=click.Choice(["scannet", "openscene"]),
    default="scannet",
    show_default=True,
    help="The conventions to follow: see docs/evaluation.md.",
)
@click.option(
    "--unpredicted",
    type=click.Choice(["wrong", "drop", "nearest"]),
    help="Points without a vector: count as wrong, dropped from the IoU, or take the class of the nearest point "
    "that has one  [default: as in the protocol]",
)
@click.option(
    "--mean-over",
    type=click.Choice(["present", "all"]),
    help="Means over classes that occur, or over all with absent ones as 0  [default: as in the protocol]",
)
@click.option(
    "--passes",
    type=click.IntRange(1),
    metavar="N",
    help="Vote as OpenScene does: place the points at random N times, sum the scores  [default: use the stored "
    "features once]",
)
@click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=1463, show_default=True, help="Random seed for --passes."
)
@click.option(
    "--voxel-size",
    type=click.FloatRange(0, min_open=True),
    metavar="METRES",
    help="Voxel size for --passes  [default: the student's; without a student 0.05 for lidar, else 0.02]",
)
@click.option(
    "--run",
    type=click.Path(path_type=Path),
    metavar="DIR|FILE",
    help="For --passes with distilled features: the student's weights, or the folder that holds them  [default: in "
    "the store]",
)
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where the student runs for --passes.",
)
@templates_option
@table_option
@per_scene_option
@out_option
@click.option(
    "--write-predictions", type=folder, metavar="DIR", help="Write SCENE.txt in the format of ScanNet's benchmark."
)
@click.option("--save-npy", type=folder, metavar="DIR", help="Write each scene's vectors, one row per point.")
@click.option(
    "--save-ply",
    type=folder,
    metavar="DIR",
    help="Write each scene's input, prediction, ground truth and errors as point clouds, and a legend.",
)
@json_option
def command(
    label_set_name: str,
    features: str | None,
    predictions: Path | None,
    split: str | None,
    datasets: tuple[str, ...],
    scenes: tuple[str, ...],
    protocol_name: str,
    unpredicted: Any,
    mean_over: Any,
    passes: int | None,
    seed: int,
    voxel_size: float | None,
    run: Path | None,
    device: str,
    templates: str | None,
    table: Path | None,
    per_scene: bool,
    out: Path | None,
    write_predictions: Path | None,
    save_npy: Path | None,
    save_ply: Path | None,
    as_json: bool,
) -> None:
    """Evaluate features against the labels of points.

    Each point takes the class whose words are closest to its vector. The table has the IoU and accuracy of each class
    in per cent, and says which points count and what the means are over.

    \b
    Examples:
      ovstore eval --labels scannet20 --split val
      ovstore eval --labels matterport21 --features fusion --protocol openscene --out table.tex
      ovstore eval --labels scannet20 --features ensemble --protocol openscene --passes 5
      ovstore eval --labels scannet20 --predictions other-tool/ --per-scene
      ovstore eval --labels scannet20 --scene scene0003_00 --save-ply clouds/
    """
    if predictions is not None and (features or templates or save_npy or passes):
        raise click.UsageError(
            "--predictions have no vectors: leave --features, --templates, --passes, --save-npy out."
        )
    if passes is not None and (protocol_name != "openscene" or save_npy is not None):
        raise click.UsageError("--passes requires --protocol openscene, and produces no vectors for --save-npy.")
    if run is not None and passes is None:
        raise click.UsageError("--run names the student for --passes: without --passes leave it out.")

    from ...evaluation.labels import label_files
    from ...evaluation.points.evaluated import evaluated_files
    from ...evaluation.points.report import as_json as document
    from ...evaluation.points.run import PointEvaluation, evaluate
    from ...evaluation.points.tables import tables
    from ...evaluation.scenes import select
    from .._output.progress import stages

    label_set = label_files.load(label_set_name, table)
    protocol = _protocol(protocol_name, unpredicted, mean_over)
    with opened_store(reading=True) as store:
        selected = select(store, split, datasets, scenes)
        evaluated: EvaluatedFeatures | EvaluatedFiles
        if predictions is not None:
            evaluated = evaluated_files(store, selected, predictions, label_set)
        else:
            evaluated = evaluated_features(store, selected, features, label_set, templates, protocol.openscene)
            if passes is not None:
                from ...workflows.passes import in_passes

                evaluated = in_passes(evaluated, passes, seed, voxel_size, run, device)
        keepers = _keepers(store, evaluated, label_set, write_predictions, save_npy, save_ply)
        with stages(len(evaluated.scenes)) as bars:

            def keep(outcome: PointEvaluation) -> None:
                for keeper in keepers:
                    keeper(outcome)
                bars.scene_done()

            report = evaluate(store, evaluated, label_set, protocol, keep)
    save_tables(out, report, tables(report, per_scene), document)
    _print(report, per_scene, as_json)
    for written in (write_predictions, save_npy, save_ply):
        if written is not None:
            say(f"Written: {written}", err=True)


def _protocol(name: str, unpredicted: Any, over: Any) -> "Protocol":
    """The named one, with what was typed besides."""
    from ...evaluation.points.protocol import NAMED

    named = NAMED[name]
    changed = replace(named, unpredicted=unpredicted or named.unpredicted, over=over or named.over)
    return changed if changed == named else replace(changed, name=f"{name} (changed)")


def _keepers(
    store: "Database",
    evaluated: "EvaluatedFeatures | EvaluatedFiles",
    label_set: "LabelSet",
    predictions: Path | None,
    npy: Path | None,
    ply: Path | None,
) -> "list[Callable[[PointEvaluation], None]]":
    """What is done with each scene; folders are made, and the legend drawn, before the first."""
    from ...drawing import picture_file
    from ...evaluation.labels.legend import legend
    from ...evaluation.points import output
    from ...evaluation.points.evaluated import EvaluatedFeatures

    for wanted in (predictions, npy, ply):
        if wanted is not None:
            make_output_folder(wanted)
    found: list[Callable[[PointEvaluation], None]] = []
    if predictions is not None:
        found.append(partial(output.keep_prediction, store, predictions, label_set))
    if npy is not None and isinstance(evaluated, EvaluatedFeatures):
        sets = evaluated.chosen.sets
        found.append(lambda outcome: output.keep_vectors(store, npy, sets[outcome.scene.id], outcome))
    if ply is not None:
        picture_file.save(legend(label_set), ply / "legend.png")
        found.append(partial(output.keep_clouds, store, ply, label_set))
    return found


def _print(report: "PointReport", per_scene: bool, as_json: bool) -> None:
    from ...evaluation.points import tables
    from ...evaluation.points.report import as_json as document
    from ...evaluation.wording import percent

    if as_json:
        print_json(document(report))
        return
    say(report.title, "")
    print_table(tables.CLASS_COLUMNS, tables.class_rows(report), right=("id", *tables.CLASS_COLUMNS[2:]))
    say("", "  ".join(f"{name} {percent(value)}" for name, value in report.means.items()), "")
    if per_scene:
        print_table(tables.SCENE_COLUMNS, tables.scene_rows(report), right=tables.SCENE_COLUMNS[1:])
        say("A scene's means are over the classes that occur in it.", "")
    for sentence in report.sentences:
        say(sentence)
