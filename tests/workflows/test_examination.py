"""An examination from Python is that of the command line, findings and remedies included."""

import json
from pathlib import Path
from typing import Any

import coloured_scenes
import pytest
from command_line import ovstore as typed
from ovstore.store.catalog import catalog
from ovstore.store.postgres.database import Database
from ovstore.workflows.doctor import ExaminationRequest, examine


@pytest.fixture
def held(store: Database) -> Database:
    coloured_scenes.publish(store, "hall", 0)
    coloured_scenes.publish(store, "room", 1)
    return store


def printed(store: Database, *words: str) -> Any:
    """The JSON of `ovstore doctor`, remedies as they are without --store."""
    told = typed(store, "doctor", *words, "--json").stdout
    return json.loads(told.replace(f"ovstore --store {store.path} ", "ovstore "))


def test_findings_and_figures_are_those_of_the_command_line(held: Database) -> None:
    held.file(catalog.feature_sets(held)[0].features_file).unlink()
    (held.path / "features" / "left.parquet").write_bytes(b"x")
    found = examine(ExaminationRequest(held.path))
    told = printed(held)
    assert json.loads(json.dumps(found.to_dict())) == {**told, "bytes": found.to_dict()["bytes"]}
    assert {"scans/hall features colours", "features/left.parquet"} <= {each.subject for each in found.findings}
    assert found.facts is not None and (found.facts.holds["scenes"], found.cleaned) == (2, None)


def test_what_is_cleaned_is_said_and_gone(held: Database) -> None:
    (held.path / "features" / "left.parquet").write_bytes(b"x")
    found = examine(ExaminationRequest(held.path, clean=True))
    assert found.cleaned is not None and found.cleaned.files == ("features/left.parquet",)
    assert found.to_dict()["cleaned"] == {"files": ("features/left.parquet",), "bytes": 1, "jobs": 0}
    assert not (held.path / "features" / "left.parquet").exists()


def test_a_whole_reading_reports_each_file(held: Database) -> None:
    heard: list[tuple[str, int, int]] = []
    examine(ExaminationRequest(held.path, contents=True), lambda *step: heard.append(step))
    assert heard == [("contents", done, 4) for done in (1, 2, 3, 4)]


def test_a_folder_without_a_store_is_no_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OVSTORE_DATABASE_URL", raising=False)
    found = examine(ExaminationRequest(tmp_path / "none"))
    assert found.facts is None and found.no_store is not None and "There is no store in" in found.no_store
    assert found.to_dict()["store"] == found.no_store and not list(tmp_path.iterdir())
