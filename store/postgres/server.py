"""The store's own PostgreSQL: started by its first client, shared by all, stopped after the last.

    STORE/postgres/
        data/            the cluster (initdb makes it as data.new, then it is renamed)
        run/             the socket; there is no TCP port
        ovstore.conf     settings, written anew at each start and included by data/postgresql.conf
        access.conf      who may connect, written anew at each start
        users.conf       by which names the system knows them
        server.log       what the server says
        clients.lock     flock, shared: held by each client for its life
        start.lock       flock, exclusive: held while the server is being started or stopped
        server.lock      flock, exclusive: held by the server and its backends; free means that none is alive

The kernel drops a lock with its holder, so nobody's death leaves a wrong note behind. "Is it up" is answered by
connecting, never by a process id; an id is only believed when its command line names this store's data folder.
"""

import os
import re
import signal
import subprocess
import sys
import time
import weakref
from contextlib import suppress
from pathlib import Path

import psycopg
from psycopg import pq

from ...core.errors import DatabaseError
from ...core.file_locks import is_free, locked, opened, take, wait
from ...core.files import permissions_inside
from . import cluster
from .cluster import SOCKET, USER

DATABASE = "ovstore"
READER = "ovstore_reader"  # for the SQL of people; what it may do is up to the schema's migrations
VIEWER = "ovstore_viewer"  # for stores that are opened read-only; likewise
_LONGEST_SOCKET_PATH = 107  # bytes; sockaddr_un without its closing zero
_TRIES = 3
_LONGEST_LOG = 4 << 20  # bytes
_PATIENCE = 30.0  # seconds that a server may call itself ready without answering

_live: "weakref.WeakSet[Server]" = weakref.WeakSet()


class Server:
    """One client's hold on the server of a store; the server runs at least until `close`."""

    def __init__(self, folder: Path, read_only: bool = False) -> None:
        """`folder` is STORE/postgres; made, with a new cluster in it, when missing.

        With `read_only` it is a private copy: transactions do not write unless they say so.
        """
        if not sys.platform.startswith("linux"):
            raise DatabaseError("The embedded database runs on Linux only: set OVSTORE_DATABASE_URL to a server.")
        self.folder = folder.resolve()  # one name for all: command lines are compared with it
        self._read_only = read_only
        self._run = self.folder / "run"
        self._busy = f"another process is starting or stopping the database in {self.folder}"
        self._client_lock: int | None = None
        self._run_descriptor: int | None = None
        try:
            if not self.folder.exists():
                cluster.make_folder(self.folder, 0o700)
                cluster.let_server_pass(self.folder, cluster.owner(self.folder))
            self._take_client_lock()
            _live.add(self)
            self.ensure_running()
        except OSError as error:
            self.close()
            what = f"{error.filename or self.folder}: {error.strerror}"
            raise DatabaseError(f"The database in {self.folder} cannot be reached by this user ({what}).") from error
        except BaseException:
            self.close()
            raise

    def conninfo(self, database: str = DATABASE, user: str = USER) -> str:
        """A libpq connection string, valid in this process."""
        host = self._socket_folder().replace("\\", "\\\\").replace("'", "\\'")
        return f"host='{host}' user={user} dbname={database}"

    def ensure_running(self) -> None:
        """Come back when the server takes connections, having started it if need be."""
        if self._answers():
            return
        with locked(self.folder / "start.lock", self._busy) as lock:
            self._wait_while_busy()
            if not self._answers():
                self._start(lock)

    def close(self) -> None:
        """Let go; whoever is the last takes the server down, and returns when it is down."""
        if self._client_lock is None:
            return
        _live.discard(self)
        try:
            with locked(self.folder / "start.lock", self._busy):
                self._leave()
        except FileNotFoundError:  # the store was deleted; what still runs in it ends without clients
            self._leave_to_supervisor()
        if self._run_descriptor is not None:
            os.close(self._run_descriptor)
            self._run_descriptor = None

    def _leave(self) -> None:
        self._leave_to_supervisor()
        lock = opened(self.folder / "clients.lock")
        try:
            if take(lock):
                self._stop()
            elif not take(lock, shared=True):  # nobody is left, and the supervisor was quicker to notice
                self._wait_until_down()
        finally:
            os.close(lock)

    def _leave_to_supervisor(self) -> None:
        if self._client_lock is not None:
            os.close(self._client_lock)
            self._client_lock = None

    def _take_client_lock(self) -> None:
        lock = opened(self.folder / "clients.lock")
        wait(lambda: take(lock, shared=True), f"the database in {self.folder} is shutting down")
        self._client_lock = lock

    def _after_fork(self) -> None:
        """In the child: a lock of its own instead of a share in the parent's, which would end with either."""
        inherited = self._client_lock
        self._take_client_lock()
        if inherited is not None:
            os.close(inherited)

    def _socket_folder(self) -> str:
        """The socket's folder; as an open descriptor where libpq or the kernel could not take its path."""
        if _can_be_host(self._run):
            return str(self._run)
        if self._run_descriptor is None:
            self._run_descriptor = os.open(self._run, os.O_RDONLY | os.O_DIRECTORY)
        return f"/proc/self/fd/{self._run_descriptor}"

    def _answers(self) -> bool:
        return self._run.exists() and pq.PGconn.ping(self.conninfo("postgres").encode()) == pq.Ping.OK

    def _start(self, start_lock: int) -> None:
        owner = cluster.owner(self.folder)
        if not (self.folder / "data").exists():
            cluster.make(self.folder, owner, start_lock)
        postgres = cluster.programs((self.folder / "data" / "PG_VERSION").read_text().strip()) / "postgres"
        reached_by = (owner[0], cluster.group_of(self.folder) or owner[1])
        cluster.make_folder(self._run, permissions_inside(self.folder) & 0o2770, reached_by)
        cluster.write_settings(self.folder, owner, self._read_only)
        rules = cluster.write_access_rules(self.folder, owner)
        command = cluster.supervised("serve", self.folder, owner, postgres, "-D", self.folder / "data", *rules)
        _make_room(self.folder / "server.log")
        for _ in range(_TRIES):  # somebody may kill it right away
            cluster.remove_stale_files(self.folder)
            said = self._serve(command)
            try:
                self._make_database()
                return
            except psycopg.OperationalError as error:
                said = said or str(error)
            self._wait_while_busy()
            if self._answers():
                break  # it runs, and refuses
        raise DatabaseError(
            f"The database in {self.folder} does not start: {_last_words(said, self.folder / 'server.log')}."
        )

    def _serve(self, command: list[str]) -> str:
        """Run the supervisor, which runs the server; what they have said by the time it is ready, or gone."""
        log = os.open(self.folder / "server.log", os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        with open(log, "r+b", buffering=0) as output:
            said_before = output.seek(0, os.SEEK_END)
            subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=cluster.environment(),
                start_new_session=True,  # Ctrl-C in a terminal is for the client
            )
            self._wait_while_busy()
            output.seek(said_before)
            return output.read().decode(errors="replace")

    def _make_database(self) -> None:
        """The store's database and the roles that may only read, unless they are there."""
        may_write = "-c default_transaction_read_only=off"
        with psycopg.connect(self.conninfo("postgres"), autocommit=True, options=may_write) as connection:
            for role in (READER, VIEWER):
                if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                    connection.execute(f"CREATE ROLE {role} LOGIN")
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(f"CREATE DATABASE {DATABASE}")

    def _wait_while_busy(self) -> None:
        """Until the server takes connections or none is alive. Replaying the journal after a crash can take minutes."""
        ready_since: float | None = None

        def settled() -> bool:
            nonlocal ready_since
            if is_free(self.folder / "server.lock") or self._answers():
                return True
            ready_since = (ready_since or time.monotonic()) if cluster.says_ready(self.folder) else None
            if ready_since and time.monotonic() - ready_since > _PATIENCE:
                raise DatabaseError(
                    f"The database in {self.folder} is running, but does not answer at its socket in {self._run}."
                )
            return False

        wait(settled, f"the database in {self.folder} is starting (after a crash it first replays its journal)")

    def _stop(self) -> None:
        pid = cluster.noted_pid(self.folder)
        if pid is None or not cluster.is_server_of(self.folder, pid):
            return  # gone already, or invisible from here (another container): then its supervisor stops it
        with suppress(ProcessLookupError, PermissionError):  # gone, or another user's: then its supervisor stops it
            os.kill(pid, signal.SIGINT)  # "fast shutdown": roll back, write a checkpoint, leave
        self._wait_until_down()

    def _wait_until_down(self) -> None:
        wait(lambda: is_free(self.folder / "server.lock"), f"the database in {self.folder} is shutting down")


def _can_be_host(run: Path) -> bool:
    """Whether libpq takes this folder as a host: a comma parts two hosts, and names must be UTF-8."""
    path = os.fsencode(run / SOCKET)
    return len(path) <= _LONGEST_SOCKET_PATH and b"," not in path and path.decode(errors="ignore").encode() == path


def _last_words(said: str, log: Path) -> str:
    """What the server said before it gave up, without times and process ids."""
    lines = [re.sub(r"^\S+ \S+ \S+ \[\d+\] ", "", line) for line in said.strip().splitlines()]
    return " | ".join(line for line in lines[-3:] if "starting PostgreSQL" not in line) or f"see {log}"


def _make_room(log: Path) -> None:
    """A long log makes way for a new one; one old one is kept."""
    if log.exists() and log.stat().st_size > _LONGEST_LOG:
        log.replace(log.with_suffix(".log.old"))


def _after_fork() -> None:
    for server in list(_live):
        server._after_fork()


os.register_at_fork(after_in_child=_after_fork)
