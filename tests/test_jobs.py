"""Jobs: what is said to be running runs, and the dead block nobody."""

import os
import socket
import subprocess
import sys
from multiprocessing import get_context

import pytest
from ovstore.store import jobs
from ovstore.store.database import Store
from sqlalchemy import text


def _claim(store: Store, id: int, worker: str) -> None:
    """Let a job be another process's."""
    with store.connect() as connection:
        connection.execute(text("UPDATE jobs SET worker = :worker WHERE id = :id"), {"worker": worker, "id": id})


def _dead_process() -> int:
    process = get_context("spawn").Process()
    process.start()
    process.join()
    assert process.pid is not None
    return process.pid


def test_a_job_starts_running_and_ends_as_it_ended(store: Store) -> None:
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


def test_a_job_whose_worker_is_gone_is_stale_and_closed_by_the_next_start(store: Store) -> None:
    lost = jobs.start(store, "scans", "room", {})
    _claim(store, lost, f"{socket.gethostname()}:{_dead_process()}")
    assert [job.state for job in jobs.jobs(store)] == ["stale"]
    assert [job.id for job in jobs.failed(store)] == [lost]
    again = jobs.start(store, "scans", "room", {})
    assert [(job.id, job.state) for job in jobs.jobs(store)] == [(again, "running"), (lost, "failed")]
    assert jobs.failed(store) == []


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="needs /proc to know when a process started")
def test_a_process_that_got_the_id_of_a_dead_worker_is_not_taken_for_it(store: Store) -> None:
    """In containers the same few ids come back at every start."""
    job = jobs.start(store, "scans", "room", {})
    assert [running.state for running in jobs.running(store)] == ["running"]
    _claim(store, job, f"{socket.gethostname()}:{os.getpid()}@1")
    assert [running.state for running in jobs.running(store)] == ["stale"]


def test_a_worker_on_another_machine_is_believed(store: Store) -> None:
    _claim(store, jobs.start(store, "scans", "room", {}), "elsewhere:1")
    assert [job.state for job in jobs.running(store)] == ["running"]


def test_a_scene_that_succeeded_later_has_not_failed(store: Store) -> None:
    jobs.fail(store, jobs.start(store, "scans", "room", {}), "disk full")
    assert [job.message for job in jobs.failed(store)] == ["disk full"]
    jobs.finish(store, jobs.start(store, "scans", "room", {}), "up to date")
    assert jobs.failed(store) == []


def test_a_job_that_ended_keeps_its_end(store: Store) -> None:
    job = jobs.start(store, "scans", "room", {})
    jobs.finish(store, job, "done first")
    jobs.fail(store, job, "too late")
    assert [(found.state, found.message) for found in jobs.jobs(store)] == [("done", "done first")]


def test_a_killed_worker_is_gone_even_before_its_parent_notices() -> None:
    child = subprocess.Popen([sys.executable, "-c", "print(flush=True); input()"], stdin=-1, stdout=-1)
    assert child.stdout is not None
    child.stdout.readline()
    worker = f"{socket.gethostname()}:{child.pid}"
    assert jobs.is_alive(worker)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and still there
    assert not jobs.is_alive(worker)
    child.communicate()
    assert not jobs.is_alive(worker)
