"""ovstore sql "SELECT ...": the store in SQL, read-only."""

import sys
from pathlib import Path

import click

from ..core.wording import counted
from ._options.completion import complete
from ._options.shared import opened_store
from ._output.printing import print_json, say

_FORMATS = ("table", "json", "csv", "parquet")
_TABLE_ROWS = 10_000  # more are for programs: --format csv, or --out


@click.command("sql")
@click.argument("statement", required=False)
@click.option(
    "-f", "--file", "source", type=click.Path(dir_okay=False), help="Read the statement from FILE; - is stdin."
)
@click.option(
    "--files", is_flag=True, help="Query the Parquet files with DuckDB: views points, correspondences, features."
)
@click.option(
    "--features",
    shell_complete=complete("features"),
    help="The feature sets whose encoder reads {text:...} and {image:...}.",
)
@click.option(
    "--format",
    "output",
    type=click.Choice(_FORMATS),
    help="How the rows are written.  [default: by the ending of --out, else table]",
)
@click.option("--json", "output", flag_value="json", help="The same as --format json.")
@click.option("--out", type=click.Path(dir_okay=False), help="Write to this file: rows.csv, rows.json or rows.parquet.")
@click.option(
    "--spreadsheet/--no-spreadsheet",
    default=None,
    help="Prefix CSV text that a spreadsheet would run as a formula (= + - @) with an apostrophe; numbers stay "
    "numbers.  [default: on with --out, off on stdout]",
)
def command(
    statement: str | None,
    source: str | None,
    files: bool,
    features: str | None,
    output: str | None,
    out: str | None,
    spreadsheet: bool | None,
) -> None:
    """Query in SQL, with words and images in the statement.

    STATEMENT is one SELECT; if left out, it is read from -f FILE or from standard input. {text:a red chair} and
    {image:crop.jpg} stand for vectors. The views scene_overview and region_overview are meant for people, and
    `ovstore db tables` lists all tables. Statements cannot write. What can be queried: docs/sql.md.

    \b
    Examples:
      ovstore sql "SELECT * FROM scene_overview"
      ovstore sql "SELECT scene, region, 1 - (embedding <=> {text:a red chair}) AS score
                   FROM region_overview WHERE level = 'object' ORDER BY score DESC LIMIT 5"
      ovstore sql --files "SELECT label_name, count(*) FROM points GROUP BY ALL" --out labels.csv
      ovstore sql -f question.sql --format json
    """
    from ..query import sql

    kind = _format(output, out)
    asked = _statement(statement, source, sql.LONGEST)
    with opened_store() as store, sql.opened(store, asked, features, files=files) as found:
        if kind in ("csv", "parquet"):
            from ..query.tables import write

            defused = write(found, kind, out, spreadsheet=spreadsheet if spreadsheet is not None else out is not None)
            if defused:
                say(
                    f"{counted(defused, 'cell')} that a spreadsheet would run as formulas now begin with an "
                    "apostrophe (--no-spreadsheet writes them unchanged).",
                    err=True,
                )
        elif kind == "json":
            print_json(found.as_dicts(sql.Limits()), out)
        else:
            from ._output.sql_rows import print_rows

            rows = found.collected(sql.Limits(rows=_TABLE_ROWS)).rows
            print_rows(found.columns, rows)
            say(counted(len(rows), "row"), err=True)


def _format(output: str | None, out: str | None) -> str:
    """The format asked for, or that of the ending of the file."""
    ending = Path(out).suffix.lower().removeprefix(".") if out is not None else "table"
    kind = output or ending
    if kind == "parquet" and out is None:
        raise click.UsageError("--format parquet needs --out FILE.")
    if out is not None and kind not in _FORMATS[1:]:
        raise click.UsageError(
            f"--out {out} does not determine a format: end it in .json, .csv or .parquet, or give --format."
        )
    return kind


def _statement(statement: str | None, source: str | None, longest: int) -> str:
    """From the command line, a file or standard input."""
    if statement is not None and source is not None:
        raise click.UsageError("Give either a STATEMENT or -f FILE.")
    if statement not in (None, "-"):
        return str(statement)
    if source in (None, "-"):
        if source is None and statement is None and sys.stdin.isatty():
            raise click.UsageError("Give a STATEMENT, -f FILE, or pipe one in.")
        return sys.stdin.read(longest + 1)
    try:
        with open(str(source), encoding="utf-8-sig") as stream:
            return stream.read(longest + 1)
    except OSError as error:
        raise click.UsageError(f"The file {source} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise click.UsageError(f"The file {source} is not UTF-8 text.") from error
