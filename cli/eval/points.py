"""ovstore eval points: how well features label points, against the scans' own labels."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

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
from .._options.shared import json_option, misuse, opened_store
from .._output.printing import print_json, print_table, say

if TYPE_CHECKING:
    from ...evaluation.points.report import PointReport


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
    protocol_name: Literal["scannet", "openscene"],
    unpredicted: Literal["wrong", "drop", "nearest"] | None,
    mean_over: Literal["present", "all"] | None,
    passes: int | None,
    seed: int,
    voxel_size: float | None,
    run: Path | None,
    device: Literal["auto", "cpu", "cuda"],
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
    from ...workflows.evaluate_points import PointsRequest, evaluate_points_by
    from .._output.progress import bar

    with misuse():
        request = PointsRequest(
            labels=label_set_name,
            features=features,
            predictions=predictions,
            split=split,
            datasets=datasets,
            scenes=scenes,
            protocol=protocol_name,
            unpredicted=unpredicted,
            mean_over=mean_over,
            passes=passes,
            seed=seed,
            voxel_size=voxel_size,
            run=run,
            device=device,
            templates=templates,
            table=table,
            write_predictions=write_predictions,
            save_npy=save_npy,
            save_ply=save_ply,
        )
    with opened_store() as store, bar() as progress:
        report = evaluate_points_by(store, request, progress)
    save_tables(out, report, report.tables(per_scene))
    if as_json:
        print_json(report.to_dict())
    else:
        _print(report, per_scene)
    for written in (write_predictions, save_npy, save_ply):
        if written is not None:
            say(f"Written: {written}", err=True)


def _print(report: "PointReport", per_scene: bool) -> None:
    from ...evaluation.points import tables
    from ...evaluation.wording import percent

    say(report.title, "")
    print_table(tables.CLASS_COLUMNS, tables.class_rows(report), right=("id", *tables.CLASS_COLUMNS[2:]))
    say("", "  ".join(f"{name} {percent(value)}" for name, value in report.means.items()), "")
    if per_scene:
        print_table(tables.SCENE_COLUMNS, tables.scene_rows(report), right=tables.SCENE_COLUMNS[1:])
        say("A scene's means are over the classes that occur in it.", "")
    for sentence in report.sentences:
        say(sentence)
