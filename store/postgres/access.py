"""Who may reach the files of a store: its owner alone, or a group as well.

Folders inside a store are made with these modes, and what is made in them takes after them (files.make_folder). Where
the server runs as a system user of its own, because root owns the store, that user may pass two folders, not list them.
"""

import contextlib
import grp
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from ...core.errors import BadInput, DatabaseError
from ...core.file_locks import is_free, locked
from ..files import places
from . import cluster

EVERYBODY = "every user of this machine"


@dataclass(frozen=True)
class Access:
    """Modes of a store's folders and files."""

    folder: int
    file: int
    cluster_folder: int  # PostgreSQL starts on data folders of two modes only
    cluster_file: int
    group: int | None = None


PRIVATE = Access(0o700, 0o600, 0o700, 0o600)


def shared_with(name: str) -> Access:
    """For the members of a group of the system."""
    try:
        group = grp.getgrnam(name).gr_gid
    except KeyError:
        raise BadInput(f"There is no group {name!r} on this machine: `getent group` lists them.") from None
    return Access(0o2770, 0o660, 0o2750, 0o640, group)


def make(folder: Path, embedded: bool) -> None:
    """The folder of a store and those inside it, closed to everybody but the owner; what is there keeps its modes."""
    new = not folder.exists()
    folder.parent.mkdir(parents=True, exist_ok=True)
    if new:
        folder.mkdir(mode=0o700)
        folder.chmod(0o700)
    if embedded:
        database = folder / places.DATABASE
        if new:
            cluster.let_server_pass(folder, cluster.owner(database))
        if not database.exists():
            database.mkdir(mode=0o700)
            cluster.let_server_pass(database, cluster.owner(database))
    for name in places.FILES:
        with contextlib.suppress(FileExistsError):
            (folder / name).mkdir(mode=0o700)
            (folder / name).chmod(0o700)


def described(folder: Path) -> str:
    """Who may read what the store holds: "the owner", "the group lab", or "every user of this machine"."""
    readable = [path.stat() for name in places.FILES if (path := folder / name).is_dir()]
    if folder.stat().st_mode & stat.S_IXOTH and any(status.st_mode & stat.S_IROTH for status in readable):
        return EVERYBODY
    groups = sorted({_group_name(status.st_gid) for status in readable if status.st_mode & stat.S_IRGRP})
    return f"the group {' and '.join(groups)}" if groups else "the owner"


def change(folder: Path, to: Access) -> None:
    """Give all files of a store other modes. The embedded database must not be in use."""
    database = folder / places.DATABASE
    try:
        if not database.is_dir():
            _apply(folder, to)
            return
        with locked(database / "start.lock", f"another process is starting or stopping the database in {database}"):
            if not is_free(database / "server.lock"):
                raise DatabaseError(
                    f"The store {folder} is in use: close the processes that have it open, then try again."
                )
            _apply(folder, to)
            owner = cluster.owner(database)
            for path in (folder, database):
                cluster.let_server_pass(path, owner)
    except OSError as error:
        what = f"{error.filename or folder}: {error.strerror}"
        raise BadInput(f"{what}. Its owner, if a member of the group, and root can change who has access.") from error


def _apply(folder: Path, to: Access) -> None:
    for parent, folders, names in os.walk(folder):
        inside = Path(parent).relative_to(folder).parts
        folders[:] = [name for name in folders if not (inside == (places.DATABASE,) and name.startswith("programs-"))]
        in_cluster = "/".join(inside[:2]) == places.CLUSTER
        _set(parent, to.cluster_folder if in_cluster else to.folder, to.group)
        for name in names:
            path = os.path.join(parent, name)
            if not os.path.islink(path):
                _set(path, to.cluster_file if in_cluster else to.file, to.group)


def _set(path: str, mode: int, group: int | None) -> None:
    if group is not None:
        os.chown(path, -1, group)
    os.chmod(path, mode)


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
