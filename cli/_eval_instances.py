"""ovstore eval instances: how well objects fit the instances of scans."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ._class_texts import class_texts
from ._eval_options import (
    folder,
    labels_option,
    make_folder,
    out_option,
    per_scene_option,
    save_tables,
    scene_options,
    table_option,
    templates_option,
)
from ._shared import json_option, opened_store, print_json, print_table

if TYPE_CHECKING:
    from ..evaluation.instance_report import InstanceReport
    from ..evaluation.judged_instances import JudgedRegions
    from ..evaluation.label_set import LabelSet
    from ..store.catalog import SceneInfo
    from ..store.database import Store
    from ..store.features import Level


@click.command("instances")
@labels_option
@click.option(
    "--features", metavar="NAME", help="Feature set by name or id; fusion or distill  [default: the commonest]"
)
@click.option(
    "--level",
    type=click.Choice(["object", "superpoint"]),
    help="The regions that are held against instances  [default: object]",
)
@click.option(
    "--predictions",
    type=folder,
    metavar="DIR",
    help="Score files of another tool in place of features: SCENE.txt, a line a mask: path, label id, confidence.",
)
@scene_options
@click.option(
    "--min-points",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="Leave out instances and masks of fewer points.",
)
@templates_option
@table_option
@per_scene_option
@out_option
@click.option(
    "--write-predictions",
    type=folder,
    metavar="DIR",
    help="Write SCENE.txt and masks as ScanNet's benchmark takes them.",
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
    """Objects against the instances that scans bring.

    Average precision as in ScanNet's 3D semantic instance benchmark: each object is of the class whose words its vector
    is closest to, and has to overlap an instance of that class. Class-agnostic figures leave the classes out.

    \b
    Examples:
      ovstore eval instances --labels scannet20 --split val
      ovstore eval instances --labels scannet200 --min-points 30 --out table.md
      ovstore eval instances --labels scannet200 --predictions mask3d/ --per-scene
    """
    if predictions is not None and (features or level or templates or write_predictions):
        raise click.UsageError(
            "Masks of --predictions come with their classes: leave --features, --level, --templates and "
            "--write-predictions out."
        )
    from ..evaluation import label_files
    from ..evaluation.instance_report import as_json as document
    from ..evaluation.instance_run import evaluate_instances
    from ..evaluation.instance_tables import tables
    from ..evaluation.judged_instances import JudgedRegions, Scan, judged_masks
    from ..evaluation.scenes import select
    from ._progress import stages

    label_set = label_files.load(label_set_name, table)
    with opened_store() as store:
        selected = select(store, split, datasets, scenes)
        judged = (
            _regions(store, selected, features, level or "object", label_set, templates)
            if predictions is None
            else judged_masks(store, selected, predictions, label_set)
        )
        if write_predictions is not None:
            make_folder(write_predictions)
        with stages(len(judged.scenes)) as bars:

            def keep(scan: Scan) -> None:
                if write_predictions is not None and isinstance(judged, JudgedRegions):
                    judged.write(write_predictions, scan, label_set)
                bars.scene_done()

            report = evaluate_instances(store, judged, label_set, min_points, keep)
    save_tables(out, report.title, tables(report, per_scene), report.sentences, document(report))
    if as_json:
        print_json(document(report))
    else:
        _print(report, per_scene)
    if write_predictions is not None:
        click.echo(f"Written: {write_predictions}", err=True)


def _regions(
    store: "Store",
    scenes: "list[SceneInfo]",
    wanted: str | None,
    level: "Level",
    label_set: "LabelSet",
    templates: str | None,
) -> "JudgedRegions":
    from ..evaluation.judged import left_out
    from ..evaluation.judged_instances import JudgedRegions
    from ..evaluation.sources import choose
    from ..query.encode import encoder_of

    chosen = choose(store, scenes, wanted)
    first = next(iter(chosen.sets.values()))[0]
    encoder = encoder_of(first.recipe, first.space, store=store)
    prompted = class_texts(encoder, label_set, openscene=False, templates=templates)
    return JudgedRegions(
        store,
        tuple(scene for scene in scenes if scene.id in chosen.sets),
        chosen,
        level,
        prompted.texts,
        prompted.asked_with,
        (*prompted.notes, *left_out(chosen.without, f"features {chosen.title}")),
    )


def _print(report: "InstanceReport", per_scene: bool) -> None:
    from ..evaluation.instance_tables import tables

    click.echo(f"{report.title}\n")
    means, classes, *others = tables(report, per_scene)
    for each in (classes, means, *others):
        print_table(each.columns, each.rows, right=each.right)
        click.echo()
    for sentence in report.sentences:
        click.echo(sentence)
