"""`ovstore encoders`: what each can be asked, and what is missing for it here."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import document, ovstore
from ovstore.core import plugins
from ovstore.store.postgres.database import Database


@pytest.fixture(autouse=True)
def no_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OVSTORE_WEIGHTS", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def test_all_are_listed_with_what_they_can_be_asked_and_where_their_weights_are(shared_store: Database) -> None:
    pytest.importorskip("torch", reason="needs the extra 'torch'")
    found = {each["name"]: each for each in document(ovstore(shared_store, "encoders", "--json"))}
    assert sorted(found) == plugins.names("models.encoders")
    assert found["tiny"]["weights"] == "shipped"
    assert found["tiny"]["asked"].endswith("words, images, regions")
    assert "snoopy" in found["tiny"]["vocabulary"]
    assert found["color_words"]["weights"] == "none needed"
    assert found["lseg"]["weights"] == "missing"
    assert "demo_e200.ckpt" in found["lseg"]["about_weights"]
    assert found["dino"]["asked"] == "images, regions"
    assert [name for name, each in found.items() if each["default"]] == ["openclip"]


def test_the_table_says_the_same(shared_store: Database) -> None:
    pytest.importorskip("torch", reason="needs the extra 'torch'")
    said = ovstore(shared_store, "encoders")
    assert said.exit_code == 0
    header, *rows = said.stdout.splitlines()
    assert header.split() == ["encoder", "queries", "weights", "packages"]
    assert [row.split()[0] for row in rows] == plugins.names("models.encoders")
    assert "Without --encoder: openclip (the default)" in said.stderr


def test_one_of_few_words_lists_them(shared_store: Database) -> None:
    said = ovstore(shared_store, "encoders", "color_words").stdout
    assert "black, grey, white" in said and "gray" in said


def test_a_missing_package_is_named(tmp_path: Path) -> None:
    words = "import sys; sys.modules['torch'] = None; from ovstore.cli import main; main()"
    environment = os.environ | {"OVSTORE_HOME": str(tmp_path)}

    def without_torch(*arguments: str) -> str:
        command = [sys.executable, "-c", words, "encoders", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout

    assert "missing: 'lseg' needs the package 'torch': pip install 'ovstore[torch]'" in without_torch("lseg")
    missing = {line.split()[0]: line.split()[-1] for line in without_torch().splitlines()[1:]}
    assert (missing["lseg"], missing["color_words"]) == ("missing", "installed")


def test_an_unknown_one_is_met_with_the_nearest(shared_store: Database) -> None:
    said = ovstore(shared_store, "encoders", "tny")
    assert said.exit_code == 1 and "Did you mean 'tiny'?" in said.stderr
