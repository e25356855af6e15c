"""Attempts at scenes: who works on what since when, and how it ended.

A job that says "running" is believed while its worker holds the job's lock (presence.py): one whose worker is gone is
stale, blocks nothing, and is closed as failed when its scene is started again. Of two who want to work on one scene the
second waits.
"""

import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, and_, func, insert, select, true, update

from ...core.errors import OvstoreError
from ...core.names import require_name
from ...core.paging import Page, key_of, require_limit, token
from ..postgres import locks, presence
from ..postgres.database import Database
from ..postgres.schema import jobs as table

State = Literal["running", "stale", "done", "failed"]
Report = Callable[[str, int, int], None]  # stage, steps done, steps in all

_ASK_SECONDS = 0.5
_TELL_SECONDS = 1.0
_TELL = (
    "UPDATE jobs SET stage = %(stage)s, done = %(done)s, total = %(total)s, updated_at = clock_timestamp() "
    "WHERE id = %(id)s AND state = 'running'"
)
_LOST = "its worker ended without reporting (killed, or the machine went down)"

log = logging.getLogger(__name__)


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
    stage: str | None = None  # what it was last said to be doing
    done: int | None = None  # steps of the stage
    total: int | None = None
    updated_at: datetime | None = None  # when it said so


def start(store: Database, dataset: str, scene: str, recipe: dict[str, Any]) -> int:
    """A new running job of this process; returns its id. Stale jobs of the scene are closed as failed.

    While another worker is at the scene it is waited for, which is said once. BadScene for a name that no row can hold.
    """
    store.require_writable()
    require_name(scene)
    values = {"dataset": dataset, "scene": scene, "recipe": recipe, "state": "running", "worker": worker_name()}
    waited_for = None
    while True:
        with store.connect() as connection:
            locks.publishing(connection)  # what is about to be unpacked is not taken for somebody's leftovers
            locks.starting(connection, dataset, scene)
            other = _at_work(connection, dataset, scene)
            if other is None:
                id = int(connection.execute(insert(table).values(values).returning(table.c.id)).scalar_one())
                store.presence.hold(presence.JOB, id)  # before anybody can see the row
                return id
        if other.id != waited_for:
            since = f"{other.started_at.astimezone():%H:%M:%S}"
            log.warning("%s/%s: %s has been working on it since %s; waiting.", dataset, scene, other.worker, since)
            waited_for = other.id
        time.sleep(_ASK_SECONDS)


def _at_work(connection: Connection, dataset: str, scene: str) -> Job | None:
    """The job that is running at the scene; stale ones are closed."""
    of_scene = (table.c.dataset == dataset) & (table.c.scene == scene) & (table.c.state == "running")
    found = _found(connection, of_scene)
    for job in found:
        if job.state == "stale":
            _end(connection, job.id, "failed", _LOST)
    return next((job for job in found if job.state == "running"), None)


@contextmanager
def failed_by_errors(store: Database, id: int) -> Iterator[None]:
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


def telling(store: Database, id: int, report: Report) -> Report:
    """`report`, noting how far the job is in its row as well, at most once a second."""
    told = -_TELL_SECONDS

    def tell(stage: str, done: int, total: int) -> None:
        nonlocal told
        report(stage, done, total)
        now = time.monotonic()
        if now - told >= _TELL_SECONDS:
            told = now
            store.presence.tell(_TELL, {"id": id, "stage": stage, "done": done, "total": total})

    return tell


def finish(store: Database, id: int, message: str | None = None) -> None:
    """The job is done; `message` is what people read."""
    with store.connect() as connection:
        _end(connection, id, "done", message)
    store.presence.release(presence.JOB, id)


def fail(store: Database, id: int, message: str) -> None:
    """The job failed; `message` says why."""
    with store.connect() as connection:
        _end(connection, id, "failed", message)
    store.presence.release(presence.JOB, id)


def jobs(
    store: Database, limit: int | None = None, *, after: str | None = None, state: State | None = None
) -> Page[Job]:
    """The latest attempts, or those in one state, newest first; `after` is the `next` of the page before."""
    require_limit(limit, 10**9)
    conditions: list[ColumnElement[bool]] = []
    if after is not None:
        [before] = key_of(after, "-id", (int,))
        conditions.append(table.c.id < before)
    if state is not None:
        conditions.append(table.c.state == ("running" if state == "stale" else state))
    with store.connect() as connection:
        read = None if limit is None or state in ("running", "stale") else limit + 1  # few are running
        found = _found(connection, and_(true(), *conditions), read)
    found = [job for job in found if state in (None, job.state)]
    page = found[:limit]
    goes_on = limit is not None and len(found) > limit
    return Page(page, token("-id", (page[-1].id,)) if goes_on else None)


def failed(store: Database) -> list[Job]:
    """The scenes whose latest attempt failed or was lost, newest first."""
    latest = select(func.max(table.c.id)).group_by(table.c.dataset, table.c.scene)
    with store.connect() as connection:
        return [job for job in _found(connection, table.c.id.in_(latest)) if job.state in ("failed", "stale")]


def running(store: Database) -> list[Job]:
    """Those at work, and those that were when their worker was lost (state "stale")."""
    with store.connect() as connection:
        return running_now(connection)


def running_now(connection: Connection) -> list[Job]:
    """`running`, for those who are in a transaction."""
    return _found(connection, table.c.state == "running")


def worker_name() -> str:
    """This process as people find it: host:pid."""
    return f"{socket.gethostname()}:{os.getpid()}"


def _found(connection: Connection, condition: ColumnElement[bool] | None = None, limit: int | None = None) -> list[Job]:
    query = select(table).order_by(table.c.id.desc()).limit(limit)
    held = presence.present(connection, presence.JOB)
    rows = connection.execute(query if condition is None else query.where(condition)).all()
    if any(row.state == "running" for row in rows):
        held |= presence.present(connection, presence.JOB)  # of those that began in between
    return [_job(row, presence.is_present(held, row.id)) for row in rows]


def _end(connection: Connection, id: int, state: State, message: str | None) -> None:
    values = {"state": state, "message": message, "finished_at": func.now()}
    connection.execute(update(table).where(table.c.id == id, table.c.state == "running").values(values))


def _job(row: Row[Any], present: bool) -> Job:
    lost = row.state == "running" and not present
    values = {name: row._mapping[name] for name in Job.__annotations__}
    # Older versions noted behind an @ when the worker was started.
    changed = {"worker": row.worker.partition("@")[0]} | ({"state": "stale", "message": _LOST} if lost else {})
    return Job(**(values | changed))
