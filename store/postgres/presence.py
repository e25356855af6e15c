"""Who is at work: locks of a database session, which the server drops with their holder, however it ends.

A process that works on a scene or reads for long holds one session of its own beside the pool. Nothing hangs on the
names of hosts or on process ids, which come back in containers. A thread watches the session: where the server was
restarted, the locks are taken again.
"""

import logging
import select
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import psycopg
from sqlalchemy import Connection, text

from ...core.errors import OvstoreError

JOB = 0x6F767301  # first half of a lock's key; the second is the job's id
READING = 0x6F767302  # the second half is 0
_NUMBERS = 1 << 31
_WATCH_SECONDS = 5.0
# A holder whose machine vanished is found out within a minute, and an idle one is not sent away.
_SETTINGS = """
    SELECT set_config(name, value, false) FROM (VALUES ('tcp_keepalives_idle', '20'),
        ('tcp_keepalives_interval', '10'), ('tcp_keepalives_count', '3'), ('idle_session_timeout', '0')
    ) AS wanted (name, value) JOIN pg_settings USING (name)
"""

log = logging.getLogger(__name__)


class Presence:
    """The locks that this process holds in one store."""

    def __init__(self, connect: Callable[[], psycopg.Connection[Any]]) -> None:
        self._connect = connect
        self._guard = threading.RLock()
        self._held: dict[tuple[int, int], int] = {}  # key -> how often
        self._session: psycopg.Connection[Any] | None = None
        self._closed = threading.Event()
        self._watcher: threading.Thread | None = None

    def hold(self, kind: int, number: int = 0) -> None:
        """Until `release`; any number of processes may hold a key at once."""
        with self._guard:
            key = (kind, number % _NUMBERS)
            if key not in self._held:
                try:
                    self._lock(self._live_session(), key)
                except psycopg.OperationalError:  # the server was restarted since
                    self._lock(self._new_session(), key)
            self._held[key] = self._held.get(key, 0) + 1

    def release(self, kind: int, number: int = 0) -> None:
        """What was held; nothing happens when it was not."""
        with self._guard:
            key = (kind, number % _NUMBERS)
            if key not in self._held:
                return
            self._held[key] -= 1
            if self._held[key]:
                return
            del self._held[key]
            if self._session is not None:
                with suppress(psycopg.Error):  # with the session went its locks
                    self._session.execute("SELECT pg_advisory_unlock_shared(%s, %s)", key)

    def tell(self, statement: str, values: Mapping[str, Any]) -> None:
        """A quick statement beside the pool, by the session of what is held; what fails is not said."""
        with self._guard, suppress(psycopg.Error, OvstoreError):
            if self._held:
                self._live_session().execute(statement, values)

    def close(self) -> None:
        """Everything is released."""
        self._closed.set()
        with self._guard:
            self._held.clear()
            if self._session is not None:
                self._session.close()
            self._session = None

    def forget(self) -> None:
        """In a forked child: the session is the parent's."""
        self._guard, self._closed = threading.RLock(), threading.Event()
        self._held, self._session, self._watcher = {}, None, None

    def _live_session(self) -> psycopg.Connection[Any]:
        if self._session is None or self._session.closed:
            return self._new_session()
        return self._session

    def _new_session(self) -> psycopg.Connection[Any]:
        """Holds what the one before held."""
        if self._session is not None:
            self._session.close()
        session = self._connect()
        session.autocommit = True
        session.execute(_SETTINGS)
        for key in self._held:
            self._lock(session, key)
        self._session = session
        if self._watcher is None:
            self._watcher = threading.Thread(target=self._watch, name="ovstore presence", daemon=True)
            self._watcher.start()
        return session

    @staticmethod
    def _lock(session: psycopg.Connection[Any], key: tuple[int, int]) -> None:
        session.execute("SELECT pg_advisory_lock_shared(%s, %s)", key)

    def _watch(self) -> None:
        """A session that broke is replaced as soon as its socket tells."""
        closed = self._closed
        while not closed.is_set():
            try:
                session = self._session if self._held else None
                if session is None or session.closed:
                    closed.wait(_WATCH_SECONDS)
                else:
                    readable = select.poll()
                    readable.register(session, select.POLLIN)
                    readable.poll(_WATCH_SECONDS * 1000)
                with self._guard:
                    if self._held and not closed.is_set():
                        self._probe()
            except (psycopg.Error, OvstoreError, OSError) as error:
                log.info("The session that marks this process as working was lost and is reopened: %s", error)
                closed.wait(_WATCH_SECONDS / 5)

    def _probe(self) -> None:
        try:
            self._live_session().execute("SELECT 1")
        except psycopg.Error:
            self._new_session()


def present(connection: Connection, kind: int) -> set[int]:
    """The numbers of a kind that somebody holds."""
    query = text(
        "SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2 "
        "AND classid::bigint = :kind AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    return set(connection.execute(query, {"kind": kind}).scalars())


def is_present(held: set[int], number: int) -> bool:
    """Whether `present` tells of that number."""
    return number % _NUMBERS in held


def alone(connection: Connection, kind: int) -> bool:
    """Whether nobody holds the kind's number 0; if so, those who come wait until the end of the transaction."""
    query = text("SELECT pg_try_advisory_xact_lock(:kind, 0)")
    return bool(connection.execute(query, {"kind": kind}).scalar_one())
