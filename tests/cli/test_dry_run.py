"""`ovstore ingest --dry-run`: what a scan holds and would cost, and nothing written anywhere."""

from pathlib import Path

import pytest
import toy_room
from click.testing import CliRunner, Result
from command_line import document, ovstore
from ovstore.cli import main
from ovstore.store.postgres.database import Database
from small_scene import files_of


@pytest.fixture
def room(tmp_path: Path) -> Path:
    return toy_room.write(tmp_path / "scans" / "room", frames=5)


def rehearse(folder: Path, room: Path, *more: str) -> Result:
    typed = ["--store", str(folder), "ingest", "rgbd", str(room), "--encoder", "color_words", "--dry-run", *more]
    return CliRunner().invoke(main, typed)


def test_it_says_what_there_is_and_makes_no_store(room: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OVSTORE_DATABASE_URL", raising=False)
    before = sorted(tmp_path.rglob("*"))
    said = rehearse(tmp_path / "store", room)
    assert said.exit_code == 0, said.output
    first, *lines = [line.strip() for line in said.stdout.splitlines()]
    assert first.startswith("room  5 frames  ")
    assert lines[0] == "camera 160x120, 63 degrees wide: 5 frames"
    assert lines[1] == "depth in 5 of 5 frames"
    assert lines[-2].startswith("about ") and lines[-2].endswith("with color_words")
    assert lines[-1].startswith("1 would be ingested, 0 would fail; about ")
    assert lines[-1].endswith("Nothing is written.")
    assert sorted(tmp_path.rglob("*")) == before


def test_what_is_told_is_what_taking_it_in_then_says(store: Database, room: Path) -> None:
    [told] = document(ovstore(store, "ingest", "rgbd", room, "--encoder", "color_words", "--dry-run", "--json"))
    assert files_of(store) == set()
    [done] = document(ovstore(store, "ingest", "rgbd", room, "--encoder", "color_words", "--json"))
    assert (told["scene"], told["frames"], told["points"]) == (done["scene"], done["frames"], done["points"])
    assert set(told["findings"]) <= set(done["findings"])
    size = sum((store.path / file).stat().st_size for file in files_of(store) if "indexes" not in file) / 1e6
    assert told["megabytes"] / 3 < size < told["megabytes"] * 3


def test_a_scan_that_would_fail_is_told_with_its_reason(room: Path, tmp_path: Path) -> None:
    (room / "depth/0002.png").write_bytes(b"no picture")
    said = rehearse(tmp_path / "store", room)
    assert said.exit_code == 1
    assert "room  would fail: " in said.stdout and "0002.png" in said.stdout
    assert "0 would be ingested, 1 would fail. Nothing is written." in said.stdout


def test_a_network_without_its_weights_is_told_and_the_rest_too(
    room: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OVSTORE_WEIGHTS", raising=False)
    said = rehearse(tmp_path / "store", room, "--encoder", "lseg")
    assert said.exit_code == 0
    assert "time unknown: No weights demo_e200.ckpt" in said.stdout
