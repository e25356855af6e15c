"""The command line as people meet it: its lists, its tables, and how it ends when it is cut short."""

import errno
import json
import os
import pty
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from ovstore.cli import main
from ovstore.cli._shared import print_table
from ovstore.store import plugins
from ovstore.store.database import Store


def groups(command: click.Group, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield words
    context = click.Context(command)
    for name in command.list_commands(context):
        below = command.get_command(context, name)
        if isinstance(below, click.Group):
            yield from groups(below, (*words, name))


@pytest.mark.parametrize("words", list(groups(main)), ids=" ".join)
def test_a_list_of_commands_says_of_each_in_a_line_what_it_does(words: tuple[str, ...]) -> None:
    listed = CliRunner(env={"COLUMNS": "80"}).invoke(main, [*words, "--help"]).output.partition("Commands:\n")[2]
    assert listed
    for line in listed.splitlines():
        assert not line.endswith("..."), line


@pytest.mark.parametrize("name", plugins.names("ingest.datasets"))
def test_folder_trees_keep_their_lines_in_the_help(name: str) -> None:
    document = plugins.load("ingest.datasets", name).__doc__ or ""
    shown = CliRunner(env={"COLUMNS": "100"}).invoke(main, ["ingest", name, "--help"]).output
    assert max(map(len, shown.splitlines())) <= 100
    drawn = [line.strip() for line in document.splitlines() if line.startswith("      ")]
    assert drawn
    assert set(drawn) <= {line.strip() for line in shown.splitlines()}


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "Interrupted.\n"),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "Error: No space left on device.\n"),
    ],
)
def test_work_cut_short_ends_in_one_line(
    store: Store, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, said: str
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("ovstore.store.catalog.scenes", fail)
    result = CliRunner().invoke(main, ["--store", str(store.path), "scenes"])
    assert (result.exit_code, result.stderr) == (code, said)


ROWS = [("room", "a long cell that has to be broken between words", "01234567890123456789")]


def test_a_piped_table_is_never_broken(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("scene", "notes", "name"), ROWS)
    assert re.split(" {2,}", capsys.readouterr().out.splitlines()[1]) == list(ROWS[0])


@pytest.mark.parametrize("columns", [60, 40, 10])
def test_a_table_on_a_terminal_breaks_no_word(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = on_terminal(columns, monkeypatch)
    words = re.findall(r"\S+", " ".join(shown))
    assert sorted(words) == sorted(["scene", "notes", "name", *" ".join(ROWS[0]).split()])
    if columns > 10:
        assert max(map(len, shown)) <= columns
    else:
        assert len(shown) == 2  # where nothing helps, the terminal breaks the lines


def on_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines of a table of ROWS, as a terminal shows them."""
    ours, theirs = pty.openpty()
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr("sys.stdout", terminal)
        print_table(("scene", "notes", "name"), ROWS)
    text = b""
    with suppress(OSError):  # how a terminal says that nobody writes to it any more
        while part := os.read(ours, 10_000):
            text += part
    os.close(ours)
    return [re.sub(r"\x1b\[[\d;]*m", "", line).rstrip() for line in text.decode().splitlines()]


@pytest.mark.parametrize(
    "arguments", [["scenes"], ["search", "red"], ["sql", "SELECT 1"], ["show", "room"], ["jobs"], ["index", "list"]]
)
def test_asking_where_no_store_is_makes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.delenv("OVSTORE_DATABASE_URL", raising=False)
    result = CliRunner().invoke(main, ["--store", str(tmp_path / "none"), *arguments])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: There is no store in ")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["search"], "Ask with words"),
        (["search", "red", "--image", "x.jpg"], "not words and an image"),
        (["search", "red", "--box", "1,2,3,4"], "A box needs an image"),
        (["search", "--like", "room"], "--like takes SCENE:REGION"),
        (["sql", "SELECT 1", "--out", "x.csv"], "--out needs --format"),
    ],
)
def test_options_that_make_no_sense_together_end_with_2(store: Store, arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(main, ["--store", str(store.path), *arguments])
    assert result.exit_code == 2
    assert said in result.stderr


def sql_json(store: Store, statement: str) -> Result:
    return CliRunner().invoke(main, ["--store", str(store.path), "sql", statement, "--format", "json"])


def test_numbers_of_sql_are_numbers_in_json(store: Store) -> None:
    said = sql_json(store, "SELECT 0.25::numeric AS share, 3::numeric AS count, 'NaN'::float8 AS nothing, 0.5 AS half")
    assert json.loads(said.stdout) == [{"share": 0.25, "count": 3, "nothing": None, "half": 0.5}]


def test_columns_of_one_name_are_not_dropped_silently(store: Store) -> None:
    said = sql_json(store, "SELECT 1 AS a, 2 AS a")
    assert said.exit_code == 1
    assert "name them apart" in said.stderr


@pytest.mark.parametrize("command", [["extract"], ["ingest", "scannet"]], ids=" ".join)
def test_an_encoders_options_have_a_heading_of_their_own(command: list[str]) -> None:
    shown = CliRunner().invoke(main, [*command, "--encoder", "color_words", "--help"]).output
    own, theirs = shown.partition("Options:\n")[2].split("Options of --encoder color_words:\n")
    assert "--encoder TEXT" in own and "--help" in own and "--patch" not in own
    assert theirs.split()[0] == "--patch" and "--help" not in theirs
