"""The command line as people meet it: its lists, its tables, and how it ends when it is cut short."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import small_scene
from click.testing import CliRunner, Result
from ovstore import cli
from ovstore.cli import main
from ovstore.cli._output.printing import print_json, print_table, say
from ovstore.core import plugins
from ovstore.core.errors import UnknownWords
from ovstore.core.wording import did_you_mean, shown
from ovstore.models.tiny.words import TaughtWords
from ovstore.store.postgres.database import Database
from sqlalchemy import text
from terminal import shown_on_terminal


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


HOSTILE = "a\x1b[2J\x9b\n\u202eb\u2066"
ESCAPED = r"a\x1b[2J\x9b\n\u202eb\u2066"


def test_a_table_shows_what_could_move_the_cursor_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("scene", HOSTILE), [(HOSTILE, "x")], right=(HOSTILE,))
    header, row = capsys.readouterr().out.splitlines()
    assert header.split() == ["scene", ESCAPED]
    assert row.split() == [ESCAPED, "x"]


def test_a_line_for_people_stays_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    say(HOSTILE, "below", err=True)
    assert capsys.readouterr().err == f"{ESCAPED}\nbelow\n"


def test_json_holds_the_same_text_without_what_a_terminal_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    print_json([{HOSTILE: HOSTILE, "lone": "\udcff"}])
    said = capsys.readouterr().out
    assert json.loads(said) == [{HOSTILE: HOSTILE, "lone": "\udcff"}]
    assert all(character == "\n" or shown(character) == character for character in said)


def test_usage_errors_show_what_was_typed_escaped() -> None:
    result = CliRunner().invoke(main, ["search", f"--{HOSTILE}"])
    assert result.exit_code == 2
    assert "\x1b" not in result.stderr and r"\x1b[2J" in result.stderr


@pytest.mark.parametrize("path", sorted(Path(cli.__file__).parent.rglob("*.py")), ids=str)
def test_commands_speak_through_say_alone(path: Path) -> None:
    """It is what escapes; click's echo and print do not."""
    if path.relative_to(Path(cli.__file__).parent) in (Path("__init__.py"), Path("_output/printing.py")):
        pytest.skip("say itself, and the errors of all commands")
    calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    assert not [call for call in calls if ast.unparse(call) in ("click.echo", "click.secho", "print")]


@pytest.mark.parametrize("arguments", [["scenes"], ["features"], ["show", "room"], ["search", "--like", "1"]])
def test_a_hostile_label_or_note_reaches_no_terminal(store: Database, arguments: list[str]) -> None:
    small_scene.make().publish(store)
    with store.connect() as connection:
        hostile = {"text": HOSTILE}
        connection.execute(text("UPDATE scenes SET split = :text, source = :text, findings = ARRAY[:text]"), hostile)
        connection.execute(
            text("UPDATE regions SET label = :text, id = id - (SELECT min(id) FROM regions) + 1"), hostile
        )
        connection.execute(text("UPDATE feature_sets SET name = :text"), hostile)
    result = CliRunner().invoke(main, ["--store", str(store.path), *arguments])
    assert result.exit_code == 0, result.output
    assert all(character == "\n" or shown(character) == character for character in result.output)


ROWS = [("room", "a long cell that has to be broken between words", "01234567890123456789")]


def test_a_piped_table_is_never_broken(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("scene", "notes", "name"), ROWS)
    assert re.split(" {2,}", capsys.readouterr().out.splitlines()[1]) == list(ROWS[0])


@pytest.mark.parametrize("columns", [60, 40, 10])
def test_a_table_on_a_terminal_breaks_no_word(columns: int) -> None:
    shown = shown_on_terminal(columns, lambda: print_table(("scene", "notes", "name"), ROWS))
    words = re.findall(r"\S+", " ".join(shown))
    assert sorted(words) == sorted(["scene", "notes", "name", *" ".join(ROWS[0]).split()])
    if columns > 10:
        assert max(map(len, shown)) <= columns
    else:
        assert len(shown) == 2  # where nothing helps, the terminal breaks the lines


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
        (["search"], "Query with words"),
        (["search", "red", "--image", "x.jpg"], "not words and an image"),
        (["search", "red", "--box", "1,2,3,4"], "A box needs an image"),
        (
            ["search", "--image", "x.jpg", "--box", "9,8,1,2"],
            "The box 9,8,1,2 is empty: x0,y0 must be its upper left corner",
        ),
        (["search", "--image", "x.jpg", "--box", "9,8,1,2"], "the other way round it is 1,2,9,8"),
        (["search", "--image", "x.jpg", "--box", "1,2,1,4"], "The box 1,2,1,4 is empty"),
        (["search", "--image", "x.jpg", "--box", "-1,2,1,4"], "is not four pixel coordinates"),
        (["eval"], "ovstore eval --labels scannet20"),
        (["scenes", "--store"], "--store must be followed by the folder of a store"),
        (["search", "--like", "room"], "--like takes SCENE:REGION"),
        (["sql", "SELECT 1", "--out", "x.txt"], "does not determine a format: end it in .json, .csv or .parquet"),
    ],
)
def test_options_that_make_no_sense_together_end_with_2(store: Database, arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(main, ["--store", str(store.path), *arguments])
    assert result.exit_code == 2
    assert said in result.stderr


def sql_json(store: Database, statement: str) -> Result:
    return CliRunner().invoke(main, ["--store", str(store.path), "sql", statement, "--format", "json"])


def test_numbers_of_sql_are_numbers_in_json(store: Database) -> None:
    said = sql_json(store, "SELECT 0.25::numeric AS share, 3::numeric AS count, 'NaN'::float8 AS nothing, 0.5 AS half")
    assert json.loads(said.stdout) == [{"share": 0.25, "count": 3, "nothing": None, "half": 0.5}]


def test_columns_of_one_name_are_not_dropped_silently(store: Database) -> None:
    said = sql_json(store, "SELECT 1 AS a, 2 AS a")
    assert said.exit_code == 1
    assert "rename one with AS" in said.stderr


@pytest.mark.parametrize("command", [["extract"], ["ingest", "scannet"]], ids=" ".join)
def test_an_encoders_options_have_a_heading_of_their_own(command: list[str]) -> None:
    shown = CliRunner().invoke(main, [*command, "--encoder", "color_words", "--help"]).output
    own, theirs = shown.partition("Options:\n")[2].split("Options of --encoder color_words:\n")
    assert "--encoder TEXT" in own and "--help" in own and "--patch" not in own
    assert theirs.split()[0] == "--patch" and "--help" not in theirs


@pytest.mark.parametrize(
    "arguments",
    [
        ["--store", "PATH", "scenes"],
        ["scenes", "--store", "PATH"],
        ["scenes", "--store=PATH", "--json"],
        ["--store", "elsewhere", "scenes", "--store", "PATH"],
        ["db", "current", "--store", "PATH"],
    ],
    ids=" ".join,
)
def test_the_store_may_be_named_before_or_after_the_command(store: Database, arguments: list[str]) -> None:
    typed = [argument.replace("PATH", str(store.path)) for argument in arguments]
    result = CliRunner(env={"OVSTORE_HOME": "nowhere"}).invoke(main, typed)
    assert result.exit_code == 0, result.output


def test_what_follows_two_dashes_is_no_option(store: Database) -> None:
    result = CliRunner().invoke(main, ["--store", str(store.path), "show", "--", "--store"])

    assert result.exit_code == 1
    assert "Ingest scans first" in result.stderr


def test_exact_search_is_said_to_find_everything(store: Database) -> None:
    small_scene.make().publish(store)
    shown = CliRunner().invoke(main, ["--store", str(store.path), "index", "list"]).stdout.splitlines()
    assert "recall: mean, worst" in shown[0]
    for line in shown[1:]:
        assert "100%, 100%" in line and line.endswith("nothing to build")


def test_only_a_word_that_may_be_misspelt_has_others_near_it() -> None:
    words = TaughtWords(["snoopy", "kitchen", "thing", "plate", "for"])
    with pytest.raises(UnknownWords, match="near it: snoopy"):
        words(["snopy"])
    with pytest.raises(UnknownWords) as refused:
        words(["please look for something that jumps over lazy kitchens"])
    assert "near it" not in str(refused.value)


def test_the_name_that_was_cut_off_is_suggested_before_one_as_near() -> None:
    known = ["scene0000_00", "scene0001_00", "scene0010_00"]
    assert did_you_mean("scene0000", known) == " Did you mean 'scene0000_00'?"
    assert did_you_mean("scene0001", known) == " Did you mean 'scene0001_00'?"
    assert did_you_mean("scen0001_00", known) == " Did you mean 'scene0001_00'?"
    assert did_you_mean("kitchen", known) == ""


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["export", "obj", "room", "room.obj"], "No such command 'obj'. Known: glb, html, npz, openscene, ply."),
        (["search", "red", "chair"], "(chair). Put an argument of several words in quotes."),
        (["search", "chair", "--save-picture", "chair"], "chair: an image cannot be saved as a file without a suffix"),
        (["search", "chair", "--save-ply", "chair.png"], "chair.png: a point cloud is written as .ply."),
        (
            ["show", "room", "--save-picture", "room.ply"],
            "room.ply: an image cannot be saved as .ply; .png or .jpg was expected.",
        ),
        (["completion"], "Choose from:\n  bash,\n  zsh,\n  fish"),
    ],
    ids=lambda typed: " ".join(typed) if isinstance(typed, list) else "",
)
def test_what_was_mistyped_says_what_could_be_typed(typed: list[str], said: str) -> None:
    result = CliRunner().invoke(main, typed)
    assert result.exit_code == 2
    assert said in result.stderr
