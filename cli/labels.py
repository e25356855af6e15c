"""ovstore labels list|show|map|encode: the classes that answers are held against."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..core.wording import counted
from ._options.completion import complete
from ._options.eval_options import table_option
from ._options.out_files import PictureFile
from ._options.shared import json_option, opened_store
from ._output.printing import print_json, print_table, say

if TYPE_CHECKING:
    from rich.text import Text

    from ..evaluation.labels.label_set import LabelClass, LabelSet


@click.group("labels")
def command() -> None:
    """Show label sets, and how the labels of scenes map to them.

    A label set is a list of classes, usually those of a benchmark, with their ids, colours and the words to query with.

    \b
    Examples:
      ovstore labels list
      ovstore labels show scannet20
      ovstore labels map scannet20 --all
      ovstore labels encode scannet20
    """


@command.command("list")
@json_option
def list_sets(as_json: bool) -> None:
    """List the label sets.

    \b
    Example:
      ovstore labels list
    """
    from ..evaluation.labels import label_files

    sets = [label_files.load(name) for name in label_files.names()]
    if as_json:
        about = ("name", "title", "source", "url", "licence")
        print_json([{key: getattr(each, key) for key in about} | {"classes": len(each.classes)} for each in sets])
        return
    print_table(
        ("name", "classes", "description", "source"),
        [(label_set.name, len(label_set.classes), label_set.title, label_set.source) for label_set in sets],
        right=("classes",),
    )
    say(f"{len(sets)} label sets. To see one: ovstore labels show scannet20", err=True)


@command.command("show")
@click.argument("name", metavar="SET")
@click.option("--save-picture", type=PictureFile(), help="Draw a legend.")
@json_option
def show(name: str, save_picture: Path | None, as_json: bool) -> None:
    """Show the classes of SET: ids, names, colours, words.

    SET is a name from `ovstore labels list`, or a .json file of the same form.

    \b
    Examples:
      ovstore labels show scannet20
      ovstore labels show scannet200 --save-picture legend.png
    """
    from ..evaluation.labels import label_files

    label_set = label_files.load(name)
    if as_json:
        print_json(label_files.as_json(label_set))
    else:
        _print_set(label_set)
    if save_picture is not None:
        from ..drawing import picture_file
        from ..evaluation.labels.legend import legend

        picture_file.save(legend(label_set), save_picture)
        say(f"Picture: {save_picture}", err=True)


@command.command("map")
@click.argument("name", metavar="SET")
@click.argument("scenes", shell_complete=complete("scenes"), nargs=-1)
@click.option("--all", "all_scenes", is_flag=True, help="All scenes of the store.")
@table_option
@json_option
def map_scenes(name: str, scenes: tuple[str, ...], all_scenes: bool, table: Path | None, as_json: bool) -> None:
    """Show how the labels of SCENES map to SET: points per class.

    Labels that the set does not know are listed with the nearest label that it knows.

    \b
    Examples:
      ovstore labels map scannet20 scene0000_00 scene0001_00
      ovstore labels map scannet200 --all --table scannetv2-labels.combined.tsv
    """
    from ..workflows.map_labels import map_labels_of

    if all_scenes == bool(scenes):
        raise click.UsageError("Name scenes, or give --all.")
    with opened_store() as store:
        found = map_labels_of(store, name, None if all_scenes else scenes, table)
    if not found.scenes:
        say("The store has no scenes yet. Ingest scans first: ovstore ingest --help", err=True)
    if as_json:
        print_json(found.to_dict())
    elif found.scenes:
        _print_report(found.to_dict())


@command.command("encode")
@click.argument("name", metavar="SET")
@click.option(
    "--features",
    shell_complete=complete("features"),
    metavar="NAME",
    help="The feature sets whose encoder reads them  [default: the feature set most scenes have]",
)
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE.npz", help="Write texts, class and vectors to this file."
)
@table_option
def encode_set(name: str, features: str | None, out: Path | None, table: Path | None) -> None:
    """Encode the words of SET as vectors, in one batch.

    The vectors are kept in the store: later queries for these words need no network.

    \b
    Examples:
      ovstore labels encode scannet20
      ovstore labels encode ade20k --features lseg --out ade20k.npz
    """
    from ..evaluation.labels import label_files
    from ..workflows.encode_labels import encode_labels

    label_set = label_files.load(name, table)
    with opened_store() as store:
        encoded = encode_labels(store, label_set, features)
    if out is not None:
        encoded.save(out)
    say(f"{label_set.name}: {counted(len(encoded.texts), 'text')} as vectors of {encoded.space.name}")


def _print_set(label_set: "LabelSet") -> None:
    classes = label_set.classes
    optional: dict[str, Callable[[LabelClass], str | None]] = {
        "group": lambda each: each.group,
        "queries": lambda each: ", ".join(each.words),
        "also": lambda each: ", ".join(each.synonyms),
    }
    held = {column: read for column, read in optional.items() if any(read(each) for each in classes)}
    print_table(
        ("id", "name", "colour", *held),
        [(each.id, each.name, _swatch(each), *(read(each) for read in held.values())) for each in classes],
        right=("id",),
    )
    mapped = sum(index >= 0 for index in label_set.raw.values())
    say("", f"{label_set.title}: {counted(len(classes), 'class', 'es')}")
    if label_set.raw:
        say(f"Labels of the dataset: {mapped:,} map to these classes, {len(label_set.raw) - mapped:,} to none.")
    if label_set.notes:
        say(label_set.notes)
    for about in ("Source", "URL", "Licence", "Colours"):
        if value := getattr(label_set, about.lower()):
            say(f"{about}: {value}")


def _swatch(each: "LabelClass") -> "Text":
    """The colour in figures, and on a terminal as it looks."""
    import sys

    from rich.text import Text

    figures = "#{:02x}{:02x}{:02x}".format(*each.rgb)
    return Text.assemble(("██\N{NO-BREAK SPACE}", figures), figures) if sys.stdout.isatty() else Text(figures)


def _print_report(report: dict[str, Any]) -> None:
    total = report["points"]
    seen = [each for each in report["classes"] if each["points"]]
    rows = [
        (each["id"], each["name"], f"{each['points']:,}", f"{each['points'] / total:.1%}", ", ".join(each["labels"]))
        for each in seen
    ]
    ignored = sum(report["ignored"].values())
    for name, points, labels in (
        ("(no class of the set)", ignored, ", ".join(report["ignored"])),
        ("(unknown label)", sum(each["points"] for each in report["unknown"]), "see below"),
        ("(no label)", report["unlabelled"], ""),
    ):
        if points:
            rows.append(("", name, f"{points:,}", f"{points / total:.1%}", labels))
    print_table(("id", "class", "points", "share", "labels"), rows, right=("id", "points", "share"))
    empty = [each["name"] for each in report["classes"] if not each["points"]]
    say(
        "",
        f"{counted(report['scenes'], 'scene')}, {counted(total, 'point')}; "
        f"{len(seen)} of {len(report['classes'])} classes of {report['set']} occur.",
    )
    if empty and len(empty) <= 20:
        say(f"Without points: {', '.join(empty)}")
    if report["unknown"]:
        say("", f"Labels that {report['set']} does not know, left out")
        print_table(
            ("label", "points", "nearest known label"),
            [(each["label"], f"{each['points']:,}", each["near"] or "") for each in report["unknown"]],
            right=("points",),
        )
