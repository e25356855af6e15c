"""Jobs: what is said to be running runs, the dead block nobody, and two at one scene take turns."""

import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from command_line import ovstore as typed
from ovstore.store.catalog import jobs
from ovstore.store.postgres import presence
from ovstore.store.postgres.database import Database
from ovstore.store.postgres.database import open as open_store
from sqlalchemy import text

_WORKER = """
import sys
from ovstore.store.catalog import jobs
from ovstore.store.postgres.database import open as open_store
store = open_store(sys.argv[1])
print(jobs.start(store, "scans", "room", {}), flush=True)
sys.stdin.read()
"""


@contextmanager
def worker(store: Database) -> Iterator["subprocess.Popen[str]"]:
    """Another process that is at work on scans/room until it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", _WORKER, str(store.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip().isdigit()
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _until_stale(store: Database, seconds: float = 10) -> None:
    """The server notices within moments that a client is gone."""
    end = time.monotonic() + seconds
    while [job.state for job in jobs.running(store)] != ["stale"]:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_job_starts_running_and_ends_as_it_ended(store: Database) -> None:
    good, bad = jobs.start(store, "scans", "good", {"a": 1}), jobs.start(store, "scans", "bad", {})
    assert {job.state for job in jobs.jobs(store)} == {"running"}
    jobs.finish(store, good, "4.0 s")
    jobs.fail(store, bad, "frame 3: no pose")
    assert [(job.scene, job.state, job.message) for job in jobs.jobs(store)] == [
        ("bad", "failed", "frame 3: no pose"),
        ("good", "done", "4.0 s"),
    ]
    assert all(job.finished_at and job.finished_at >= job.started_at for job in jobs.jobs(store))
    assert jobs.jobs(store)[1].recipe == {"a": 1}
    assert jobs.running(store) == []


def test_a_killed_worker_is_stale_and_its_job_closed_by_the_next_start(store: Database) -> None:
    with worker(store) as process:
        [lost] = jobs.running(store)
        assert lost.state == "running"
        process.kill()
        _until_stale(store)
    assert [job.id for job in jobs.failed(store)] == [lost.id]
    again = jobs.start(store, "scans", "room", {})
    assert [(job.id, job.state) for job in jobs.jobs(store)] == [(again, "running"), (lost.id, "failed")]
    assert jobs.failed(store) == []


@pytest.mark.parametrize("host", ["elsewhere:1", "container-of-yesterday:7@123"])
def test_no_name_of_a_host_keeps_a_dead_job_alive_or_kills_a_living_one(store: Database, host: str) -> None:
    """A container comes back with another name, and its process ids are those of before."""
    job = jobs.start(store, "scans", "room", {})
    with store.connect() as connection:
        connection.execute(text("UPDATE jobs SET worker = :host"), {"host": host})
    assert [running.state for running in jobs.running(store)] == ["running"]
    store.presence.release(presence.JOB, job)
    assert [running.state for running in jobs.running(store)] == ["stale"]


def test_the_second_at_a_scene_waits_for_the_first_and_says_for_whom(
    store: Database, caplog: pytest.LogCaptureFixture
) -> None:
    first = jobs.start(store, "scans", "room", {})
    started: list[int] = []
    with open_store(store.path) as other, caplog.at_level(logging.WARNING):
        second = threading.Thread(target=lambda: started.append(jobs.start(other, "scans", "room", {})))
        second.start()
        time.sleep(1.2)
        assert started == []
        jobs.start(store, "scans", "hall", {})  # another scene waits for nobody
        jobs.finish(store, first)
        second.join(10)
        assert len(started) == 1
        assert [job.state for job in jobs.jobs(store)] == ["running", "running", "done"]
    [said] = [record.getMessage() for record in caplog.records if "waiting" in record.getMessage()]
    assert said.startswith(f"scans/room: {jobs.worker_name()} has been working on it since ")


def test_a_worker_that_is_killed_while_another_waits_lets_it_in(store: Database) -> None:
    with worker(store) as process:
        threading.Timer(0.7, process.kill).start()
        started = jobs.start(store, "scans", "room", {})
    assert [(job.id == started, job.state) for job in jobs.jobs(store)] == [(True, "running"), (False, "failed")]


def test_a_job_survives_the_loss_of_its_session(store: Database) -> None:
    """The server was restarted, or the network broke: the lock is taken again."""
    job = jobs.start(store, "scans", "room", {})
    with store.connect() as connection:
        holders = text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = :kind")
        assert connection.execute(holders, {"kind": presence.JOB}).all()
    end = time.monotonic() + 10
    while [running.state for running in jobs.running(store)] != ["running"]:
        assert time.monotonic() < end
        time.sleep(0.02)
    jobs.finish(store, job)
    with store.connect() as connection:
        assert presence.present(connection, presence.JOB) == set()


def test_a_scene_that_succeeded_later_has_not_failed(store: Database) -> None:
    jobs.fail(store, jobs.start(store, "scans", "room", {}), "disk full")
    assert [job.message for job in jobs.failed(store)] == ["disk full"]
    jobs.finish(store, jobs.start(store, "scans", "room", {}), "up to date")
    assert jobs.failed(store) == []


def test_a_job_that_ended_keeps_its_end(store: Database) -> None:
    job = jobs.start(store, "scans", "room", {})
    jobs.finish(store, job, "done first")
    jobs.fail(store, job, "too late")
    assert [(found.state, found.message) for found in jobs.jobs(store)] == [("done", "done first")]


def test_a_job_says_how_far_it_is_at_most_once_a_second(store: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(jobs.time, "monotonic", lambda: now[0])
    heard: list[tuple[str, int, int]] = []
    id = jobs.start(store, "scans", "room", {})
    tell = jobs.telling(store, id, lambda *said: heard.append(said))
    with store.connect():  # the pool's only connection: progress takes none of it
        for seconds, done in ((0.0, 1), (0.5, 2), (0.6, 3), (0.3, 4)):
            now[0] += seconds
            tell("features", done, 9)
    [job] = jobs.jobs(store)
    assert (
        (job.stage, job.done, job.total) == ("features", 3, 9)
        and job.updated_at is not None
        and job.updated_at >= job.started_at
    )
    assert heard == [("features", done, 9) for done in (1, 2, 3, 4)]
    jobs.finish(store, id, "done")
    now[0] += 10
    tell("features", 9, 9)  # too late: the row says how it ended
    [job] = jobs.jobs(store)
    assert (job.state, job.done, job.message) == ("done", 3, "done")


def test_the_command_shows_the_stage_of_those_at_work(store: Database) -> None:
    id = jobs.start(store, "scans", "room", {})
    jobs.telling(store, id, lambda *said: None)("visibility", 1200, 4000)
    assert "visibility 1,200/4,000" in typed(store, "jobs").output
    [row] = json.loads(typed(store, "jobs", "--json").output)
    assert (row["stage"], row["done"], row["total"]) == ("visibility", 1200, 4000) and row["updated_at"]
    jobs.finish(store, id, "12 regions")
    assert "visibility" not in typed(store, "jobs").output
