"""Pools of connections: small ones that close what has been idle for a while, so that many stores can share a server.

A call takes one connection at a time, and waits for nothing else while it holds it: no lock, no second connection. Any
number of threads can then share a pool of any size, each waiting its turn.
"""

import os
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy import Engine, QueuePool, create_engine
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.util.queue import Empty


@dataclass(frozen=True)
class PoolLimits:
    """Of each of the two pools that an open store has."""

    connections: int = 8  # at most; further threads wait their turn
    patience: float = 60.0  # seconds that a thread waits for it
    idle_seconds: float = 5.0  # after which an unused connection is closed
    server_patience: float = 10.0  # seconds to wait for a full server; longer than an unused connection is kept


USUAL = PoolLimits()

_live: "weakref.WeakSet[_Pool]" = weakref.WeakSet()


def engine(connect: Callable[[], psycopg.Connection[Any]], limits: PoolLimits) -> Engine:
    """An engine whose pool tries a connection before it hands it out, for the server may have been killed meanwhile."""
    made = create_engine(
        "postgresql+psycopg://",
        creator=connect,
        poolclass=_Pool,
        pool_size=limits.connections,
        max_overflow=0,
        pool_timeout=limits.patience,
        pool_use_lifo=True,  # the others grow old, and are given back
        pool_pre_ping=True,
        use_native_hstore=False,  # it would be looked up on each new connection
    )
    assert isinstance(made.pool, _Pool)
    made.pool.idle_seconds = limits.idle_seconds
    return made


def give_back() -> None:
    """Close the connections of this process that nobody uses now."""
    for pool in list(_live):
        pool.give_back(0.0)


class _Pool(QueuePool):
    """Knows since when each connection has been idle."""

    idle_seconds = USUAL.idle_seconds

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        _live.add(self)

    def recreate(self) -> "_Pool":
        new = super().recreate()
        assert isinstance(new, _Pool)
        new.idle_seconds = self.idle_seconds
        return new

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        record.info["idle_since"] = time.monotonic()
        super()._do_return_conn(record)
        _sweeper.wake()

    def give_back(self, idle_seconds: float) -> bool:
        """Close what has been idle for so long; whether younger idle ones are left.

        A record that is taken out of the queue is nobody else's; an empty one connects again when it is used.
        """
        records = []
        with suppress(Empty):
            while True:
                records.append(self._pool.get(block=False))
        for record in reversed(records):
            if record.dbapi_connection and time.monotonic() - record.info["idle_since"] >= idle_seconds:
                record.close()
            super()._do_return_conn(record)
        return any(record.dbapi_connection for record in records)


class _Sweeper:
    """A thread that gives idle connections back, and ends when there are none."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running = False

    def wake(self) -> None:
        with self._lock:
            if self._running:
                return
            self._running = True
        threading.Thread(target=self._sweep, name="ovstore idle connections", daemon=True).start()

    def _sweep(self) -> None:
        while True:
            time.sleep(min((pool.idle_seconds for pool in list(_live)), default=0.0) / 2)
            with self._lock:
                left = [pool.give_back(pool.idle_seconds) for pool in list(_live)]  # of each, whatever the first says
                self._running = any(left)
                if not self._running:
                    return


_sweeper = _Sweeper()


def _after_fork() -> None:
    """Threads stay with the parent, and its locks may have been held."""
    global _sweeper
    _sweeper = _Sweeper()


os.register_at_fork(after_in_child=_after_fork)
