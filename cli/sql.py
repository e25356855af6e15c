"""ovstore sql "SELECT ...": the store in SQL, read-only."""

import math

import click

from ._shared import opened_store, print_json, print_table, say


@click.command("sql")
@click.argument("statement")
@click.option(
    "--files", is_flag=True, help="Ask DuckDB over the Parquet files: views points, correspondences, features."
)
@click.option("--features", help="The feature sets whose encoder reads {text:...} and {image:...}.")
@click.option(
    "--format",
    "output",
    type=click.Choice(["table", "json", "csv", "parquet"]),
    default="table",
    show_default=True,
    help="How the rows are written.",
)
@click.option(
    "--out", type=click.Path(dir_okay=False), help="Write to this file in place of stdout (parquet needs it)."
)
def command(statement: str, files: bool, features: str | None, output: str, out: str | None) -> None:
    """Ask in SQL, with words and pictures in it.

    {text:a red chair} and {image:crop.jpg} stand for vectors; the views scene_overview and region_overview are made for
    people, and `ovstore db tables` lists all there is. Nothing can be written.

    \b
    Examples:
      ovstore sql "SELECT * FROM scene_overview"
      ovstore sql "SELECT scene, region, 1 - (embedding <=> {text:a red chair}) AS score
                   FROM region_overview WHERE level = 'object' ORDER BY score DESC LIMIT 5"
      ovstore sql --files "SELECT scene, count(*) FROM points GROUP BY ALL" --format csv
    """
    from ..query import sql
    from ..store.errors import BadInput

    if output == "parquet" and out is None:
        raise click.UsageError("--format parquet needs --out FILE.")
    if output == "table" and out is not None:
        raise click.UsageError("--out needs --format json, csv or parquet.")
    with opened_store() as store:
        run = sql.run_on_files if files else sql.run
        result = run(store, statement, features)
    if output in ("json", "parquet") and len(set(result.columns)) < len(result.columns):
        raise BadInput(f"Two columns have one name ({', '.join(result.columns)}): name them apart with AS.")
    if output in ("csv", "parquet"):
        from ..query.tables import write

        write(result, output, out)
    elif output == "json":
        print_json([dict(zip(result.columns, map(_finite, row), strict=True)) for row in result.rows], out)
    else:
        print_table(result.columns, [[_shown(value) for value in row] for row in result.rows])
        say(f"{len(result.rows)} row{'' if len(result.rows) == 1 else 's'}", err=True)


def _finite(value: object) -> object:
    """NULL for nan and the infinities, which JSON cannot say."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _shown(value: object) -> object:
    """A cell for people: numbers to four digits, long lists by their first elements."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        inside = ", ".join(str(_shown(item)) for item in value[:3])
        return f"[{inside}]" if len(value) <= 3 else f"[{inside}, … {len(value)}]"
    return value
