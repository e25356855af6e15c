"""Standard streams and signals as the world has them: closed, full, of a narrow encoding; and asked to stop."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import small_scene
from ovstore.core import signals
from ovstore.models.training.stopping import stop_signals
from ovstore.store.catalog import jobs
from ovstore.store.postgres.database import Database
from sqlalchemy import text


def run(store: Database, arguments: str, encoding: str = "utf-8") -> subprocess.CompletedProcess[bytes]:
    """In a shell, for the sake of its redirections."""
    command = f"exec '{sys.executable}' -m ovstore.cli --store '{store.path}' {arguments}"
    return subprocess.run(["sh", "-c", command], capture_output=True, env=os.environ | {"PYTHONIOENCODING": encoding})


@pytest.fixture(scope="module")
def kitchen(shared_store: Database) -> Database:
    """A store whose scene has a name that ASCII lacks."""
    small_scene.make(name="Küche").publish(shared_store)
    return shared_store


def test_a_closed_stdout_is_refused_before_any_work(kitchen: Database) -> None:
    done = run(kitchen, "scenes >&-")
    assert done.returncode == 1
    assert done.stderr == b"Error: Standard output is closed: redirect it to a file, or to /dev/null.\n"


@pytest.mark.parametrize("closed", ["2>&-", "2>&- <&-"])
def test_a_closed_stderr_takes_no_other_files_place(kitchen: Database, closed: str) -> None:
    done = run(kitchen, f"scenes --json {closed}")
    assert done.returncode == 0
    assert [scene["name"] for scene in json.loads(done.stdout)] == ["Küche"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_full_disk_behind_stdout_is_a_sentence(kitchen: Database) -> None:
    done = run(kitchen, "scenes >/dev/full")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, b"Error: No space left on device.")
    assert b"Traceback" not in done.stderr


BUSY = "SELECT count(*) FROM generate_series(1, 1000000000) AS busy WHERE busy % 7 = 8"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_is_told_to_stop_ends_in_one_line(store: Database, number: signal.Signals) -> None:
    words = [sys.executable, "-m", "ovstore.cli", "--store", str(store.path), "sql", BUSY]
    command = subprocess.Popen(words, stderr=subprocess.PIPE)
    at_work = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'"
        " AND clock_timestamp() - query_start > interval '0.3 s'"
    )
    with store.autocommit() as connection:
        while not connection.scalar(at_work):
            assert command.poll() is None, command.communicate()
            time.sleep(0.02)
    command.send_signal(number)
    _, said = command.communicate(timeout=20)
    assert (command.returncode, said) == (128 + number, b"Interrupted.\n")


@pytest.mark.parametrize("arguments", ["scenes", "show K*che", "features", "sql 'SELECT scene FROM scene_overview'"])
def test_what_the_encoding_lacks_is_escaped(kitchen: Database, arguments: str) -> None:
    done = run(kitchen, arguments.replace("K*che", "Küche"), "ascii")
    assert done.returncode == 0, done.stderr
    assert b"K\\xfcche" in done.stdout


def test_json_stays_json_in_any_encoding(kitchen: Database) -> None:
    for encoding in ("ascii", "latin-1", "utf-8"):
        [scene] = json.loads(run(kitchen, "scenes --json", encoding).stdout.decode(encoding))
        assert scene["name"] == "Küche"


def test_files_are_written_whole_whatever_the_encoding(kitchen: Database, tmp_path: Path) -> None:
    path = tmp_path / "Küche.ply"
    done = run(kitchen, f"export ply Küche '{path}'", "ascii")
    assert (done.returncode, path.is_file()) == (0, True), done.stderr


WORK = """
import os, signal, sys, time
from ovstore.models.training.stopping import stop_signals
from ovstore.store.catalog import jobs; from ovstore.core import signals
from ovstore.store.postgres.database import open as open_store
with open_store(sys.argv[1]) as store, signals.raised():
    job = jobs.start(store, "scans", "room", {})
    with jobs.failed_by_errors(store, job):
        os.kill(os.getpid(), signal.Signals[sys.argv[2]])
        time.sleep(20)
"""


@pytest.fixture
def hang_up_ends() -> Iterator[None]:
    """SIGHUP as it is without nohup, under which the tests themselves may run."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("hang_up_ends")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_that_ends_work_closes_its_job(store: Database, name: str) -> None:
    subprocess.run([sys.executable, "-c", WORK, str(store.path), name], capture_output=True)
    assert [(job.state, job.message) for job in jobs.jobs(store)] == [("failed", "interrupted")]


def test_nohup_is_obeyed() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals.raised():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("hang_up_ends")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_training_is_asked_to_stop_and_saves_first(name: str) -> None:
    with stop_signals() as asked:
        os.kill(os.getpid(), signal.Signals[name])
        time.sleep(0.01)
        assert asked.name == name


def test_handlers_are_as_they_were_afterwards() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(signals.Stopped), signals.raised():
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == before


TWO_NOTES = """
import sys, time
from pathlib import Path
from ovstore.core import signals
from ovstore.ingest.engines import processes

def leave_a_note(path):
    Path(path).write_text("begun")
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        Path(path).write_text("closed")
        raise

if __name__ == "__main__":
    with signals.raised():
        list(processes.run(leave_a_note, sys.argv[1:], 2))
"""


def test_workers_close_what_they_have_in_hand_when_the_command_is_told_to_stop(tmp_path: Path) -> None:
    notes = [tmp_path / "a", tmp_path / "b"]
    file = tmp_path / "work.py"
    file.write_text(TWO_NOTES)
    process = subprocess.Popen([sys.executable, file, *notes], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 50
    while not all(note.exists() for note in notes):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.terminate()
    process.wait(30)
    assert [note.read_text() for note in notes] == ["closed", "closed"]
