"""Attempts at scenes: who works on what since when, and how it ended.

A job that says "running" is believed only while its worker lives: one whose process is gone is stale, blocks nothing,
and is closed as failed when its scene is started again.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, func, insert, select, update

from . import locks
from .database import Store
from .errors import OvstoreError
from .names import require_name
from .schema import jobs as table

State = Literal["running", "stale", "done", "failed"]
_LOST = "its worker ended without a word (killed, or the machine went down)"


@dataclass(frozen=True)
class Job:
    """One attempt at one scene."""

    id: int
    dataset: str
    scene: str
    state: State
    worker: str  # host:pid
    message: str | None  # what was done, or why it failed
    started_at: datetime
    finished_at: datetime | None
    recipe: dict[str, Any]


def start(store: Store, dataset: str, scene: str, recipe: dict[str, Any]) -> int:
    """A new running job of this process; returns its id. Stale jobs of the scene are closed as failed.

    BadScene for a name that no row can hold.
    """
    require_name(scene)
    values = {"dataset": dataset, "scene": scene, "recipe": recipe, "state": "running", "worker": worker_name()}
    with store.connect() as connection:
        locks.publishing(connection)  # what is about to be unpacked is not taken for somebody's leftovers
        of_scene = (table.c.dataset == dataset) & (table.c.scene == scene) & (table.c.state == "running")
        for row in connection.execute(select(table).where(of_scene)).all():
            if not is_alive(row.worker):
                _end(connection, row.id, "failed", _LOST)
        return int(connection.execute(insert(table).values(values).returning(table.c.id)).scalar_one())


@contextmanager
def failed_by_errors(store: Store, id: int) -> Iterator[None]:
    """An exception that ends the block is the reason why the job failed."""
    try:
        yield
    except KeyboardInterrupt:
        fail(store, id, "interrupted")
        raise
    except OvstoreError as error:
        fail(store, id, str(error))
        raise
    except BaseException as error:
        fail(store, id, f"{type(error).__name__}: {error}")
        raise


def finish(store: Store, id: int, message: str | None = None) -> None:
    """The job is done; `message` is what people read."""
    with store.connect() as connection:
        _end(connection, id, "done", message)


def fail(store: Store, id: int, message: str) -> None:
    """The job failed; `message` says why."""
    with store.connect() as connection:
        _end(connection, id, "failed", message)


def jobs(store: Store, limit: int | None = None) -> list[Job]:
    """The latest attempts, newest first."""
    with store.connect() as connection:
        return [_job(row) for row in connection.execute(select(table).order_by(table.c.id.desc()).limit(limit))]


def failed(store: Store) -> list[Job]:
    """The scenes whose latest attempt failed or was lost, newest first."""
    latest = select(func.max(table.c.id)).group_by(table.c.dataset, table.c.scene)
    return [job for job in _where(store, table.c.id.in_(latest)) if job.state in ("failed", "stale")]


def running(store: Store) -> list[Job]:
    """Those at work, and those that were when their worker was lost (state "stale")."""
    return _where(store, table.c.state == "running")


def worker_name() -> str:
    """This process as jobs name it: host:pid, and where the system tells, when it started (ids are used again)."""
    _, started = _process(os.getpid())
    return f"{socket.gethostname()}:{os.getpid()}" + (f"@{started}" if started else "")


def is_alive(worker: str) -> bool:
    """Whether that process still runs; a worker on another machine is believed."""
    address, _, started = worker.partition("@")
    host, _, pid = address.rpartition(":")
    if host != socket.gethostname():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    state, started_now = _process(int(pid))
    return state != "Z" and (not started or started == started_now)


def _process(pid: int) -> tuple[str, str]:
    """A process's state ("Z": dead, its parent has not noticed) and start in ticks since boot; "" without /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "", ""
    return fields[0], fields[19]


def _where(store: Store, condition: ColumnElement[bool]) -> list[Job]:
    with store.connect() as connection:
        return [_job(row) for row in connection.execute(select(table).where(condition).order_by(table.c.id.desc()))]


def _end(connection: Connection, id: int, state: State, message: str | None) -> None:
    values = {"state": state, "message": message, "finished_at": func.now()}
    connection.execute(update(table).where(table.c.id == id, table.c.state == "running").values(values))


def _job(row: Row[Any]) -> Job:
    lost = row.state == "running" and not is_alive(row.worker)
    values = {name: row._mapping[name] for name in Job.__annotations__}
    changed = {"worker": row.worker.partition("@")[0]} | ({"state": "stale", "message": _LOST} if lost else {})
    return Job(**(values | changed))
