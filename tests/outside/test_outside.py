"""What others rely on stays: the command line, files, tables and recipes, entry points, exit codes.

A change that is meant: `python tests/helpers/outside.py` writes the listings anew, and the commit says why.
"""

import difflib
from pathlib import Path

import other_package
import outside
import pytest
from click.testing import CliRunner
from ovstore.cli import main
from ovstore.store.postgres.database import Database


def differences(name: str, now: str) -> list[str]:
    """Lines of a listing that are others now."""
    kept = (outside.FOLDER / name).read_text(encoding="utf-8")
    return list(difflib.unified_diff(kept.splitlines(), now.splitlines(), "kept", "now"))


def test_commands_options_and_defaults_are_those_of_the_listing() -> None:
    assert differences("command_line.txt", outside.command_line()) == []


def test_columns_tables_views_and_recipes_are_those_of_the_listing(store: Database) -> None:
    assert differences("stored.txt", outside.stored(store)) == []


# The group of an entry point -> what lists the plug-ins that it brings.
GROUPS = {
    "ovstore.cli": ("--help",),
    "ovstore.ingest.datasets": ("ingest", "--help"),
    "ovstore.ingest.engines": ("ingest", "rgbd", "--encoder", "color_words", "--help"),
    "ovstore.ingest.generated.formats": ("generate", "--help"),
    "ovstore.models.encoders": ("ingest", "rgbd", "--encoder", "color_words", "--help"),
    "ovstore.models.students": ("distill", "--features", "x", "--student", "nonsense", "--out", "x"),
    "ovstore.store.indexes": ("index", "build", "nonsense"),
    "ovstore.store.search.indexes": ("index", "build", "nonsense"),
}


@pytest.mark.parametrize("group", GROUPS)
def test_a_plug_in_of_another_package_is_found_in_the_group_of_always(
    group: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "zz_mine.py").write_text('"""A plug-in."""\nimport click\n\ncommand = click.Command("zz_mine")\n')
    other_package.install(tmp_path, group, "zz_mine", "zz_mine")
    monkeypatch.setenv("OVSTORE_HOME", str(tmp_path / "none"))
    assert "zz_mine" not in CliRunner().invoke(main, GROUPS[group]).output
    monkeypatch.syspath_prepend(tmp_path)
    assert "zz_mine" in CliRunner().invoke(main, GROUPS[group]).output


@pytest.mark.parametrize(
    ("code", "typed"),
    [
        (1, "nonsense"),
        (2, "--nonsense"),
        (1, "scenes"),
        (2, "search"),
        (2, "search chair --like a:1@object"),
        (2, "search x --top 0"),
        (2, "search --box 1,2,3 --image x.png"),
        (1, "ingest nonsense x"),
        (2, "ingest rgbd missing --encoder color_words"),
        (1, "ingest rgbd . --encoder nonsense"),
        (1, "ingest rgbd . --encoder color_words"),
        (1, "ingest rgbd . --encoder color_words --voxel-size -1"),
        (2, "show"),
        (2, "export ply a"),
        (2, "db downgrade base"),
        (2, "db access --private --shared x"),
        (1, "index build nonsense"),
        (1, "eval --labels nonsense"),
        (2, "labels"),
    ],
)
def test_exit_codes_tell_a_mistake_from_a_failure(
    code: int, typed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OVSTORE_HOME", str(tmp_path / "none"))
    result = CliRunner().invoke(main, typed.split())
    assert (result.exit_code, result.stdout if code == 1 else "") == (code, "")
    if code == 1:
        assert result.stderr.startswith("Error: ") and result.stderr.count("\n") == 1
    assert not (tmp_path / "none").exists()
