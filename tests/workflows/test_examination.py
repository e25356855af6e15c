"""An examination from Python is that of the command line, findings and remedies included."""

import json
from pathlib import Path
from typing import Any

import coloured_scenes
import pytest
from command_line import ovstore as typed
from ovstore.core.errors import Misused, NotFound
from ovstore.store.catalog import catalog
from ovstore.store.postgres.database import Database
from ovstore.workflows.doctor import ExaminationRequest, examine
from ovstore.workflows.forget import ForgetPlan, ForgetRequest, carry_out, plan


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


def test_a_plan_forgets_nothing_until_it_is_carried_out(held: Database) -> None:
    chosen = plan(held, ForgetRequest(("room", "scans/room")))
    assert [scene.name for scene in chosen.scenes] == ["room"] and len(catalog.scenes(held)) == 2
    gone = carry_out(held, chosen)
    assert (gone.scenes, gone.feature_sets) == (1, 1)
    assert [scene.name for scene in catalog.scenes(held)] == ["hall"]


def test_a_plan_is_what_the_command_line_asks_about(held: Database) -> None:
    chosen = plan(held, ForgetRequest(dataset="scans", features="colours"))
    asked = typed(held, "forget", "--dataset", "scans", "--features", "colours", input="n\n")
    assert [line.split()[0] for line in asked.stderr.splitlines() if "features colours" in line] == [
        f"{each.dataset}/{each.scene}" for each in chosen.feature_sets
    ]
    assert carry_out(held, chosen).feature_sets == 2
    assert [scene.features for scene in catalog.scenes(held)] == [(), ()]


def test_of_a_dataset_scenes_without_the_feature_set_are_left_out_of_named_scenes_none(held: Database) -> None:
    carry_out(held, plan(held, ForgetRequest(("room",), features="colours")))
    assert [each.scene for each in plan(held, ForgetRequest(dataset="scans", features="colours")).feature_sets] == [
        "hall"
    ]
    with pytest.raises(NotFound, match="scans/room has no features"):
        plan(held, ForgetRequest(("hall", "room"), features="colours"))


def test_nothing_named_is_misuse_and_no_plan(held: Database) -> None:
    with pytest.raises(Misused, match="Name what to forget"):
        ForgetRequest()
    assert carry_out(held, ForgetPlan()).scenes == 0 and len(catalog.scenes(held)) == 2
