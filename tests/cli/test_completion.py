"""What a shell completes: commands, options, encoders, and the names that the last command on a store saw."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import small_scene
import toy_room
from command_line import ovstore
from ovstore.store.postgres.database import Database


def completed(typed: str, **environment: str) -> list[str]:
    """What bash is offered for the last word."""
    words = typed.split(" ")
    asked = {"_OVSTORE_COMPLETE": "bash_complete", "COMP_WORDS": typed, "COMP_CWORD": str(len(words) - 1)}
    script = "from ovstore.cli import main; main.main(prog_name='ovstore')"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=os.environ | asked | environment
    )
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


def test_commands_options_formats_and_encoders_are_completed() -> None:
    assert completed("ovstore sear") == ["search"]
    assert completed("ovstore ingest scannet x --depth-t") == ["--depth-tolerance"]
    assert completed("ovstore ingest nus") == ["nuscenes"]
    assert completed("ovstore ingest scannet x --encoder op") == ["openclip", "openseg"]
    assert completed("ovstore encoders ti") == ["tiny"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(shared_store: Database, shell: str) -> None:
    said = ovstore(shared_store, "completion", shell)
    assert said.exit_code == 0
    assert f"_OVSTORE_COMPLETE={shell}_complete" in said.stdout


def test_names_are_those_that_the_last_command_saw_and_no_server_is_started(
    store: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    small_scene.make("kitchen").publish(store)
    small_scene.make("küche").publish(store)
    assert completed("ovstore show k") == []  # nobody completes yet, and nothing is written to the user's folders
    ovstore(store, "scenes")
    assert not (tmp_path / "cache").exists()
    ovstore(store, "completion", "bash")
    ovstore(store, "scenes")
    away = {"OVSTORE_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none"}
    assert completed("ovstore show k", **away) == ["kitchen", "küche"]
    assert completed("ovstore search x --scene ki", **away) == ["kitchen"]
    assert completed("ovstore export ply ki", **away) == ["kitchen"]
    assert completed("ovstore search x --dataset ", **away) == ["scans"]
    assert completed("ovstore search x --features ", **away) == ["toy"]
    assert completed(f"ovstore --store {tmp_path} show k", **away) == []


def test_a_scene_is_completed_as_soon_as_it_was_taken_in(
    store: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    room = toy_room.write(tmp_path / "scans" / "attic", frames=3)
    ovstore(store, "completion", "bash")
    assert ovstore(store, "ingest", "rgbd", room, "--encoder", "color_words").exit_code == 0
    assert completed("ovstore show at") == ["attic"]


def test_a_name_that_would_move_the_cursor_is_not_offered(
    store: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    ovstore(store, "completion", "bash")
    ovstore(store, "scenes")
    [note] = (tmp_path / "cache/ovstore/names").iterdir()
    assert note.parent.stat().st_mode & 0o077 == 0
    note.write_text('{"scenes": ["a\\u001b[2J", "a b", 3]}')
    assert completed("ovstore show a") == ["a b"]
    for broken in ("[", "[]", '{"scenes": 7}'):
        note.write_text(broken)
        assert completed("ovstore show a") == []
