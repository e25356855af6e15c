"""Ingest is killed and started again: what was done stays, the rest is done, nothing is done twice."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import toy_room
from click.testing import CliRunner
from ovstore.cli import main
from ovstore.store.catalog import catalog, jobs
from ovstore.store.postgres.database import open as open_store

NAMES = [f"room{number}" for number in range(6)]


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scans")
    for name in NAMES:
        toy_room.write(folder / name, frames=5)
    return folder


def command(store: Path, rooms: Path, *more: str) -> list[str]:
    return ["--store", str(store), "ingest", "rgbd", str(rooms), "--encoder", "color_words", *more]


def digests(store: Path) -> dict[str, str]:
    with open_store(store) as opened:
        return {found.scene: found.content_digest for found in catalog.feature_sets(opened)}


@pytest.fixture(scope="module")
def undisturbed(rooms: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    store = tmp_path_factory.mktemp("undisturbed") / "store"
    result = CliRunner().invoke(main, command(store, rooms))
    assert result.exit_code == 0, result.output
    return digests(store)


@pytest.mark.slow
def test_a_killed_ingest_picks_up_where_it_was(rooms: Path, tmp_path: Path, undisturbed: dict[str, str]) -> None:
    store = tmp_path / "store"
    process = subprocess.Popen(
        [sys.executable, "-m", "ovstore.cli", *command(store, rooms)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("room0")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with open_store(store) as opened:
        done = {found.scene for found in catalog.feature_sets(opened)}
        assert 1 <= len(done) < len(NAMES)
        assert all(job.state == "stale" for job in jobs.running(opened))
    again = CliRunner().invoke(main, command(store, rooms))
    assert again.exit_code == 0, again.output
    assert f"{len(NAMES) - len(done)} ingested, {len(done)} up to date, 0 failed." in again.stdout
    assert digests(store) == undisturbed


@pytest.mark.slow
def test_several_processes_make_what_one_makes(rooms: Path, tmp_path: Path, undisturbed: dict[str, str]) -> None:
    store = tmp_path / "store"
    result = CliRunner().invoke(main, command(store, rooms, "--workers", "2"))
    assert result.exit_code == 0, result.output
    assert digests(store) == undisturbed


def test_a_truncated_picture_fails_its_scene_in_one_line(tmp_path: Path) -> None:
    room = toy_room.write(tmp_path / "room", frames=5)
    (room / "color" / "0002.png").write_bytes((room / "color" / "0002.png").read_bytes()[:200])
    result = CliRunner().invoke(main, command(tmp_path / "store", room))
    assert result.exit_code == 1
    assert "0002.png" in result.stderr
    assert "Traceback" not in result.output
