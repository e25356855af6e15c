"""What programs and people outside rely on, as text: the command line, and how a store is written.

    python tests/helpers/outside.py      writes tests/outside/*.txt anew, where a change is meant

A line that changes in these files is a change that somebody's script, SQL or plug-in may notice.
"""

import dataclasses
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import ovstore
import small_scene
from ovstore.cli import main
from ovstore.core import plugins
from ovstore.core.digests import recipe_digest
from ovstore.core.features import EmbeddingSpace
from ovstore.ingest import recipe
from ovstore.store.postgres.database import Database
from pyarrow import parquet
from sqlalchemy import text

FOLDER = Path(ovstore.__file__).parent / "tests" / "outside"
SPACE = EmbeddingSpace("some/space", 4, "digest")  # that of every encoder in the listing, so that no weights are read


def command_line() -> str:
    """A line for each command, argument and option: its spellings, what it takes, its default."""
    lines = []
    for words, command in _commands(main, ()):
        lines.append(" ".join(("ovstore", *words)))
        lines += [f"    {line}" for line in sorted(map(_parameter, command.params))]
    for name in plugins.names("models.encoders"):
        lines.append(f"--encoder {name}")
        lines += [f"    {line}" for line in _fields(plugins.load("models.encoders", name).Options)]
    return "\n".join(lines) + "\n"


def stored(store: Database) -> str:
    """Columns of files, tables and views, and the recipes of plug-ins as they are without options; fills `store`."""
    small_scene.make().publish(store)
    lines = []
    for kind in ("points", "points.faces", "correspondences"):
        [path] = store.path.glob(f"scenes/*/{kind}.parquet")
        lines += [f"{kind}.parquet", *_columns(path)]
    [path] = store.path.glob("features/*.parquet")
    lines += ["features.parquet", *_columns(path)]
    query = text(
        "SELECT relname, relkind = 'v' AS is_view, attname, format_type(atttypid, atttypmod) AS type"
        " FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid"
        " WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'v') AND attnum > 0"
        " AND NOT attisdropped ORDER BY relkind, relname, attnum"
    )
    with store.connect() as connection:
        shown = ""
        for row in connection.execute(query):
            if row.relname != shown:
                shown = row.relname
                lines.append(f"{'view' if row.is_view else 'table'} {shown}")
            lines.append(f"    {row.attname} {row.type}")
    for name in plugins.names("models.encoders"):
        options = plugins.load("models.encoders", name).Options()
        lines.append(f"recipe of encoder {name}: {recipe_digest(recipe.encoding(name, options, SPACE))}")
    for name in plugins.names("ingest.datasets"):
        lines.append(f"recipe of dataset {name}")
        lines += [f"    {line}" for line in _fields(plugins.load("ingest.datasets", name).Options)]
    return "\n".join(lines) + "\n"


def _commands(command: click.Command, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield words, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from _commands(below, (*words, name))


def _parameter(parameter: click.Parameter) -> str:
    spelling = ", ".join(parameter.opts) + "".join(f" / {word}" for word in parameter.secondary_opts)
    if isinstance(parameter, click.Argument):
        return " ".join([spelling.upper(), *(["..."] if parameter.nargs < 0 else [])])
    assert isinstance(parameter, click.Option)
    marks = [word for word in ("multiple", "required", "hidden") if getattr(parameter, word)]
    told = re.search(r"\[default: ([^\s\]]+)\]", parameter.help or "")
    default = parameter.default if isinstance(parameter.default, str | int | float) else None
    if default in (None, False, "") and told:
        default = told[1]
    takes = [] if parameter.is_flag else [_type(parameter.type)]
    return " ".join([spelling, *takes, *marks, *([] if default in (None, False, "") else [f"[{default}]"])])


def _type(kind: click.ParamType) -> str:
    if isinstance(kind, click.Choice):
        return "|".join(map(str, kind.choices))
    if isinstance(kind, click.IntRange | click.FloatRange):
        low, high = ("" if bound is None else f"{bound:g}" for bound in (kind.min, kind.max))
        return f"{kind.name} {low}..{high}"
    return kind.name


def _fields(options: type) -> list[str]:
    """The fields of a plug-in's Options: name, default, and how it counts in a recipe."""
    lines = []
    for item in dataclasses.fields(options):
        default: Any = "" if item.default is dataclasses.MISSING else f" = {item.default!r}"
        marks = [] if item.metadata.get("recipe", True) else ["(in no recipe)"]
        marks += ["(in recipes unless it has its default)"] if item.metadata.get("later", False) else []
        lines.append(" ".join([f"{item.name}{default}", *marks]))
    return lines


def _columns(path: Path) -> list[str]:
    found = parquet.read_schema(path)
    described = [f"    {field.name} {field.type}" for field in found]
    return [*described, f"    with {', '.join(sorted(key.decode() for key in found.metadata or {}))}"]


@contextmanager
def _a_store() -> Iterator[Database]:
    with tempfile.TemporaryDirectory() as folder, ovstore.open(Path(folder) / "store", create=True) as store:
        yield store


if __name__ == "__main__":
    with _a_store() as made:
        (FOLDER / "stored.txt").write_text(stored(made), encoding="utf-8")
    (FOLDER / "command_line.txt").write_text(command_line(), encoding="utf-8")
