"""What every evaluation takes: which scenes and features, whose words, and where its tables go."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click

from .._output.printing import print_json, print_table, say
from .completion import complete

if TYPE_CHECKING:
    from ...evaluation.markup import Table

Command = Callable[..., Any]
TABLES = (".md", ".tex", ".json")
folder = click.Path(file_okay=False, path_type=Path)


class Reported(Protocol):
    """The result of an evaluation."""

    @property
    def title(self) -> str: ...
    @property
    def sentences(self) -> list[str]: ...
    def to_dict(self) -> dict[str, Any]: ...


labels_option = click.option(
    "--labels",
    "label_set_name",
    metavar="SET",
    required=True,
    help="The classes: a name from `ovstore labels list`, or a .json file.",
)
templates_option = click.option(
    "--templates",
    metavar="NAME|TEXT",
    help="Sentences around the words: plain, photo, openscene, ensemble, or your own with {}, separated by |.",
)
table_option = click.option(
    "--table",
    type=click.Path(path_type=Path),
    metavar="FILE.tsv",
    help="Your own table of the dataset's label names  [default: the shipped one]",
)
per_scene_option = click.option("--per-scene", is_flag=True, help="Also print one row per scene.")


def scene_options(command: Command) -> Command:
    """--split, --dataset and --scene, as `evaluation.scenes.select` takes them."""
    for option in (
        click.option(
            "--scene",
            "scenes",
            shell_complete=complete("scenes"),
            multiple=True,
            help="Only this scene; may be repeated.",
        ),
        click.option(
            "--dataset",
            "datasets",
            shell_complete=complete("datasets"),
            multiple=True,
            help="Only this dataset; may be repeated.",
        ),
        click.option("--split", metavar="NAME", help="Only scenes of this split: train, val, test."),
    ):
        command = option(command)
    return command


def _table_file(ctx: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    if path is not None and path.suffix not in TABLES:
        raise click.UsageError(f"--out is {path}: a table can be written as {', '.join(TABLES)}.")
    return path


out_option = click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.md|.tex|.json",
    callback=_table_file,
    help="Write the tables to a file.",
)


def save_tables(out: Path | None, report: Reported, tables: "Sequence[Table]") -> None:
    """In the format of the file's suffix, of which JSON has the report in place of tables."""
    if out is None:
        return
    from ...core.files import replacing
    from ...evaluation import markup

    if out.suffix == ".json":
        print_json(report.to_dict(), str(out))
    else:
        text = (markup.markdown if out.suffix == ".md" else markup.latex)(report.title, tables, report.sentences)
        with replacing(out) as part:
            part.write_text(text, encoding="utf-8")
    say(f"Table: {out}", err=True)


def print_tables(report: Reported, tables: "Sequence[Table]") -> None:
    """The report on stdout, for people."""
    say(report.title, "")
    for table in tables:
        print_table(table.columns, table.rows, right=table.right)
        say()
    for sentence in report.sentences:
        say(sentence)
