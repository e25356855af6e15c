"""A private copy of a store's database, for a user who may read its files and not run a server on them.

PostgreSQL writes wherever it runs, and runs on nobody else's files. A store on read-only media, or one that belongs to
somebody else, is therefore searched through a server on a copy, in a temporary folder that goes with the process. What
it is asked is answered; what would change the store is refused.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ...core import file_locks
from ...core.errors import DatabaseError
from ...core.files import size_of
from ..files import places
from . import cluster

_PREFIX = "ovstore-copy-"
# Settings may name programs to run and libraries to load: those of the copy are its own.
_NOT_COPIED = {"postmaster.pid", "postgresql.conf", "postgresql.auto.conf", "recovery.signal", "standby.signal"}


@dataclass(frozen=True)
class PrivateCopy:
    """A copied STORE/postgres, and why it was needed."""

    folder: Path
    reason: str
    _lock: int  # held as long as the copy is used; those of killed processes are told by it
    _process: int

    def remove(self) -> None:
        """Called by every process that inherited it; the one that made it removes it."""
        if os.getpid() == self._process:
            shutil.rmtree(self.folder.parent, ignore_errors=True)
        with suppress(OSError):
            os.close(self._lock)


def where_needed(database: Path) -> PrivateCopy | None:
    """A copy of the database in STORE/postgres where this user may not run it; None where there is no need."""
    reason = _reason(database)
    if reason is None:
        return None
    _sweep()
    try:
        with _nobody_at_work(database, reason):
            return _copied(database, reason)
    except OSError as error:
        raise DatabaseError(
            f"{database.parent} can only be searched through a copy of its database ({reason}), but copying failed "
            f"at {error.filename or tempfile.gettempdir()}: {error.strerror}. The owner can give a group the right "
            "to read with: ovstore db access --shared GROUP"
        ) from error


def _reason(database: Path) -> str | None:
    try:
        made_by = (database / "data").stat().st_uid
        if os.statvfs(database).f_flag & os.ST_RDONLY:
            return "it is on a read-only file system"
    except OSError:  # not there, or out of reach: the server says which
        return None
    if os.geteuid() in (0, made_by) or _may_join(database):
        return None
    return f"it belongs to user {cluster.user_name(made_by)}"


def _may_join(database: Path) -> bool:
    """Whether the server runs, and its folder lets this user be one of its clients."""
    locks = [database / name for name in ("clients.lock", "start.lock", "server.lock")]
    return all(os.access(lock, os.R_OK | os.W_OK) for lock in locks) and not file_locks.is_free(locks[-1])


@contextmanager
def _nobody_at_work(database: Path, reason: str) -> Iterator[None]:
    """In the block no server starts on the original."""
    try:
        lock = os.open(database / "server.lock", os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        yield
        return
    try:
        if not file_locks.take(lock, shared=True):
            raise DatabaseError(
                f"The store {database.parent} is in use, and can be searched from here only when it is not "
                f"({reason}): try again later, or ask its owner to share it with your group (ovstore db access "
                "--shared GROUP)."
            )
        yield
    finally:
        os.close(lock)


def _copied(database: Path, reason: str) -> PrivateCopy:
    needed, free = size_of(database / "data"), shutil.disk_usage(tempfile.gettempdir()).free
    if needed > free:
        raise DatabaseError(
            f"Searching {database.parent} requires a copy of its database ({reason}): {needed / 1000000.0:,.0f} MB, "
            f"but {tempfile.gettempdir()} has {free / 1000000.0:,.0f} MB free. Name a folder with more space in "
            "TMPDIR."
        )
    home = Path(tempfile.mkdtemp(prefix=_PREFIX))
    lock = file_locks.opened(home / "lock")
    file_locks.take(lock)
    copy = PrivateCopy(home / places.DATABASE, reason, lock, os.getpid())
    try:
        _copy(database / "data", copy.folder / "data")
        for folder in (home, copy.folder):
            cluster.let_server_pass(folder, cluster.owner(copy.folder))
    except BaseException:
        copy.remove()
        raise
    return copy


def _copy(source: Path, target: Path) -> None:
    """All files but settings and the note of a running server, for this user alone; links, which lead elsewhere, are
    left out.
    """
    for parent, _, names in os.walk(source, onerror=_raise):
        folder = target / Path(parent).relative_to(source)
        folder.mkdir(mode=0o700, parents=True)
        for name in names:
            path = Path(parent) / name
            if name not in _NOT_COPIED and not path.is_symlink():
                shutil.copyfile(path, folder / name)
                (folder / name).chmod(0o600)
    with open(os.open(target / "postgresql.conf", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(cluster.INCLUDE)


def _raise(error: OSError) -> None:
    raise error


def _sweep() -> None:
    """Remove the copies of processes that were killed."""
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if left.lstat().st_uid != os.geteuid():
                continue
            lock = os.open(left / "lock", os.O_RDWR | os.O_NOFOLLOW)
            if file_locks.take(lock):
                shutil.rmtree(left, ignore_errors=True)
            os.close(lock)
