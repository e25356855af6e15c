"""ovstore eval retrieval: how well rare things are found among all scenes."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .._options.completion import complete
from .._options.eval_options import (
    folder,
    out_option,
    print_tables,
    save_tables,
    scene_options,
    table_option,
    templates_option,
)
from .._options.shared import json_option, misuse, opened_store, vectors_option
from .._output.printing import print_json

if TYPE_CHECKING:
    from ...core.features import Vectors


@click.command("retrieval")
@click.option(
    "--labels",
    "label_set_name",
    metavar="SET",
    help="Query classes: a name from `ovstore labels list`, or a .json file  [default: the scans' own labels]",
)
@click.option(
    "--max-scenes",
    type=click.IntRange(1),
    metavar="N",
    help="Query labels that at most N scenes hold  [default: a tenth of the scenes, at least one]",
)
@click.option(
    "--absent",
    metavar="NAME,NAME|FILE",
    help="Words for what no scene holds, or a file with one per line  [default: classes of --labels that no scene "
    "holds, or everyday words]",
)
@click.option(
    "--pictures",
    type=folder,
    metavar="DIR",
    help="Also query by image: DIR/queries.json lists the images, see docs/retrieval.md.",
)
@click.option(
    "--bench",
    type=folder,
    metavar="DIR",
    help="Ask all questions of the benchmark that `ovstore generate bench2 DIR` wrote, and measure whole things.",
)
@click.option(
    "--features",
    shell_complete=complete("features"),
    metavar="NAME",
    help="A feature set by name or id; or fusion, distill  [default: the feature set most scenes have]",
)
@vectors_option("fused")
@scene_options
@templates_option
@table_option
@click.option("--per-label", is_flag=True, help="Also print one row per query.")
@out_option
@json_option
def command(
    label_set_name: str | None,
    max_scenes: int | None,
    absent: str | None,
    pictures: Path | None,
    bench: Path | None,
    features: str | None,
    vectors: "Vectors",
    split: str | None,
    datasets: tuple[str, ...],
    scenes: tuple[str, ...],
    templates: str | None,
    table: Path | None,
    per_label: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    """Evaluate how well rare things are found among all scenes.

    Every label that few scenes hold is queried by its name, and all scenes are ranked: by their mean vector, their
    prototypes, their regions, their points. The tables show how often the right scene comes first, how well the best
    regions and masks fit the thing, and how well scores separate what is present from what is absent.

    \b
    Examples:
      ovstore eval retrieval
      ovstore eval retrieval --labels scannet200 --split val --max-scenes 5 --per-label
      ovstore eval retrieval --pictures bench/queries --out table.md
      ovstore eval retrieval --bench bench2/
    """
    from ...workflows.evaluate_retrieval import RetrievalRequest, evaluate_retrieval_by
    from .._output.progress import bar

    if bench is not None:
        given = (label_set_name, max_scenes, absent, pictures, split, templates, table)
        if any(value is not None for value in given) or scenes or per_label:
            raise click.UsageError(
                "--bench has its own questions: of the other options it takes --features, --dataset."
            )
        _bench(bench, features, datasets, out, as_json)
        return
    words = None if absent is None else _words(absent)
    with misuse():
        request = RetrievalRequest(
            labels=label_set_name,
            max_scenes=max_scenes,
            absent=words,
            pictures=pictures,
            features=features,
            vectors=vectors,
            split=split,
            datasets=datasets,
            scenes=scenes,
            templates=templates,
            table=table,
        )
    with opened_store() as store, bar() as progress:
        report = evaluate_retrieval_by(store, request, progress)
    tables = report.tables(per_label)
    save_tables(out, report, tables)
    if as_json:
        print_json(report.to_dict())
    else:
        print_tables(report, tables)


def _bench(bench: Path, features: str | None, datasets: tuple[str, ...], out: Path | None, as_json: bool) -> None:
    """The questions of a frozen benchmark."""
    from ...workflows.evaluate_things import ThingsRequest, evaluate_things_by
    from .._output.progress import bar

    with opened_store() as store, bar() as progress:
        report = evaluate_things_by(store, ThingsRequest(bench=bench, features=features, datasets=datasets), progress)
    tables = report.tables()
    save_tables(out, report, tables)
    if as_json:
        print_json(report.to_dict())
    else:
        print_tables(report, tables)


def _words(absent: str) -> tuple[str, ...]:
    """NAME,NAME or the lines of a file."""
    from ...core.errors import BadInput

    path = Path(absent)
    try:
        entries = path.read_text(encoding="utf-8").splitlines() if path.is_file() else absent.split(",")
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read as lines of text: {error}.") from error
    words = [entry.strip() for entry in entries if entry.strip()]
    if not words:
        raise BadInput(f"--absent {absent!r} contains no word.")
    return tuple(dict.fromkeys(words))
