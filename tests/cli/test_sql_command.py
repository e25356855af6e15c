"""`ovstore sql`: where the statement comes from, where the rows go, and how they look at 80 columns."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import small_scene
from command_line import document, lines, ovstore
from ovstore.core.wording import shown
from ovstore.store.postgres.database import Database
from rich.cells import cell_len

STATEMENT = "SELECT scene, split FROM scene_overview"


@pytest.fixture(scope="module")
def asked(shared_store: Database) -> Database:
    small_scene.make().publish(shared_store)
    return shared_store


def test_the_statement_comes_from_the_line_a_file_or_standard_input(asked: Database, tmp_path: Path) -> None:
    (tmp_path / "question.sql").write_text(f"{STATEMENT};\n", encoding="utf-8-sig")
    for result in (
        ovstore(asked, "sql", STATEMENT),
        ovstore(asked, "sql", "-f", tmp_path / "question.sql"),
        ovstore(asked, "sql", "-f", "-", input=STATEMENT),
        ovstore(asked, "sql", "-", input=STATEMENT),
        ovstore(asked, "sql", input=STATEMENT),
    ):
        assert lines(result) == ["scene  split", "room   train"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["SELECT 1", "-f", "x.sql"], "either a STATEMENT or -f FILE"),
        (["-f", "absent.sql"], "absent.sql cannot be read: No such file"),
        (["SELECT 1", "--out", "rows"], "does not determine a format: end it in .json, .csv or .parquet"),
        (["SELECT 1", "--out", "rows.csv", "--format", "table"], "does not determine a format"),
        (["SELECT 1", "--format", "parquet"], "needs --out FILE"),
    ],
)
def test_misuse_is_one_sentence(asked: Database, arguments: list[str], sentence: str) -> None:
    result = ovstore(asked, "sql", *arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr


def test_the_ending_of_the_file_says_its_format(asked: Database, tmp_path: Path) -> None:
    for ending in ("csv", "json", "parquet"):
        result = ovstore(asked, "sql", STATEMENT, "--out", tmp_path / f"rows.{ending}")
        assert result.exit_code == 0, result.output
        assert result.output == ""
    assert (tmp_path / "rows.csv").read_text() == "scene,split\nroom,train\n"
    rows = [{"scene": "room", "split": "train"}]
    assert json.loads((tmp_path / "rows.json").read_text()) == rows
    assert pq.read_table(tmp_path / "rows.parquet").to_pylist() == rows


def test_formulas_are_defused_in_a_file_unless_told_otherwise(asked: Database, tmp_path: Path) -> None:
    statement = "SELECT '=1+1' AS text, -1.5 AS number"
    result = ovstore(asked, "sql", statement, "--out", tmp_path / "rows.csv")
    assert (tmp_path / "rows.csv").read_text() == "text,number\n'=1+1,-1.5\n"
    assert "1 cell that a spreadsheet would run" in result.stderr and "--no-spreadsheet" in result.stderr
    ovstore(asked, "sql", statement, "--out", tmp_path / "rows.csv", "--no-spreadsheet")
    assert (tmp_path / "rows.csv").read_text() == "text,number\n=1+1,-1.5\n"
    assert ovstore(asked, "sql", statement, "--format", "csv").stdout == "text,number\n=1+1,-1.5\n"
    assert ovstore(asked, "sql", statement, "--format", "csv", "--spreadsheet").stdout == "text,number\n'=1+1,-1.5\n"


@pytest.mark.parametrize(
    "statement",
    ["SELECT * FROM region_overview LIMIT 3", "SELECT * FROM scene_overview", "SELECT repeat('x', 300) AS x"],
)
def test_rows_fit_80_columns(asked: Database, statement: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = document(ovstore(asked, "sql", statement, "--format", "json"))
    monkeypatch.setenv("COLUMNS", "80")
    result = ovstore(asked, "sql", statement)
    assert max(map(cell_len, lines(result))) <= 80
    assert result.stdout.count("\nrow ") + result.stdout.startswith("row ") == len(whole)
    assert all(any(line.split()[:1] == [name] for line in lines(result)) for name in whole[0])


def test_values_that_would_move_the_cursor_are_escaped(asked: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    statement = "SELECT E'a\\x1b[2J\\nb' AS one, U&'\\202Egpj' AS two"
    for columns in ("80", "20"):
        monkeypatch.setenv("COLUMNS", columns)
        printed = ovstore(asked, "sql", statement).stdout
        assert r"a\x1b[2J\nb" in printed and r"\u202egpj" in printed
        assert all(character == "\n" or shown(character) == character for character in printed)


def test_more_rows_than_a_table_shows_are_said_and_go_to_a_file(asked: Database, tmp_path: Path) -> None:
    statement = "SELECT generate_series(1, 20000) AS i"
    result = ovstore(asked, "sql", statement)
    assert result.exit_code == 1 and result.stdout == ""
    assert "more than 10,000 rows" in result.stderr and "--out" in result.stderr
    assert ovstore(asked, "sql", statement, "--out", tmp_path / "rows.csv").exit_code == 0
    assert len((tmp_path / "rows.csv").read_text().splitlines()) == 20_001
    assert len(ovstore(asked, "sql", statement, "--format", "csv").stdout.splitlines()) == 20_001


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([" \n"], "The statement is empty: one SELECT was expected."),
        (["SELECT * FROM points"], "It is a view of the Parquet files: ovstore sql --files"),
        (["--files", "SELECT * FROM region_overview"], "without --files PostgreSQL's: ovstore db tables."),
        (
            ["SELECT '{text:a chair}'"],
            "'{text:a chair}' stands for a vector: write {text:a chair}, without the quotes.",
        ),
        (['SELECT * FROM scene_overview WHERE scene = "room"'], "Text is written in 'single' quotes"),
        (["SELECT '[1]'::halfvec <=> '[1,2]'::halfvec"], "Vectors of two encoders: --features NAME chooses"),
    ],
)
def test_a_slip_in_a_statement_says_what_would_be_right(asked: Database, arguments: list[str], sentence: str) -> None:
    result = ovstore(asked, "sql", *arguments)
    assert result.exit_code == 1
    assert sentence in result.stderr
