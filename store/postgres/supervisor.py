"""Runs a PostgreSQL program for a store: without root's identity, and no longer than the store has clients.

This file is a script of its own (`python -I -S supervisor.py ...`, standard library only), because both jobs need a
process that shares nothing with the client that asked for them.

    supervisor.py run   UID GID FOLDER COMMAND...   become UID:GID, then be COMMAND (initdb), which works in FOLDER
    supervisor.py serve UID GID FOLDER COMMAND...   return at once; COMMAND (postgres) runs until
                                                     FOLDER/clients.lock is free

`serve` locks FOLDER/server.lock and hands the lock down to the server and all its backends: it is free exactly when
none of them is alive, however they ended. The kernel drops a dead client's share of clients.lock, so the server stops
with its last client even when that one was killed.
"""

import ctypes
import errno
import fcntl
import os
import resource
import shutil
import signal
import stat
import sys
import threading

_PR_SET_KEEPCAPS = 8
_PR_SET_SECUREBITS = 28
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAP_DAC_OVERRIDE = 1
_CAPABILITY_VERSION_3 = 0x20080522


def become(uid: int, gid: int, folder: str, program: str) -> str:
    """Give up root for good, but for the right to pass closed folders where `folder` or `program` lies behind one.

    PostgreSQL refuses to run as root, and root's home is closed (0700) to everybody else. Rather than opening the
    folders of whoever owns them, the server's user passes them by CAP_DAC_OVERRIDE. PostgreSQL asks access(2) whether
    it may run its own programs, and for a user other than root that call disregards capabilities unless the secure
    bits say that a change of user leaves them alone. Docker grants what both need by default; where the bits are
    refused, the programs are copied into `folder`. Returns the path of the program to run.
    """
    if os.geteuid() == uid:
        return program
    try:
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, 0)  # root stays the saved identity, to come back to
        folder_closed, program_closed = (not os.access(path, os.X_OK) for path in (folder, program))
        os.setresuid(0, 0, 0)
        if (folder_closed or program_closed) and not _lets_rights_stay():
            if program_closed and folder_closed:
                raise PermissionError(errno.EACCES, "the programs and the store are in closed folders")
            if program_closed:
                program, program_closed = _copied(program, folder), False
            else:
                _prctl(_PR_SET_KEEPCAPS, 1)
        passes = folder_closed or program_closed
        if passes:
            # What else runs as this user must not reach a server that may do more than it.
            mode = stat.S_IMODE(os.stat(folder).st_mode)
            os.chmod(folder, mode & (0o2770 if mode & 0o020 else 0o700))
        os.setresuid(uid, uid, uid)
        _set_capabilities(1 << _CAP_DAC_OVERRIDE if passes else 0)
        if passes:
            _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE)
    except OSError as error:
        sys.exit(
            f"PostgreSQL has to run as user {uid} in {folder}, which root may not arrange here ({error.strerror}); "
            "run as an ordinary user, put ovstore and the store where everybody can reach them, or set "
            "OVSTORE_DATABASE_URL"
        )
    return program


def _lets_rights_stay() -> bool:
    """Whether capabilities survive a change of user from here on, for access(2) too."""
    try:
        _prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP)
    except OSError:
        return False
    return True


def _copied(program: str, folder: str) -> str:
    """`program` in a copy of its installation inside `folder`, which nobody but root may write to."""
    about = os.stat(folder)
    if about.st_uid != 0 or about.st_mode & 0o022:
        raise PermissionError(errno.EACCES, "the programs are in a closed folder")
    installation = os.path.dirname(os.path.dirname(program))
    package = os.path.dirname(installation)
    server = os.stat(os.path.join(installation, "bin", "postgres"))
    copy = os.path.join(folder, f"programs-{server.st_size:x}-{server.st_mtime_ns:x}")
    if not os.path.isdir(copy):
        for name in os.listdir(folder):
            if name.startswith("programs-"):  # of an older installation, or not finished; no server runs now
                shutil.rmtree(os.path.join(folder, name), ignore_errors=True)
        for source in (installation, f"{package}.libs"):  # libraries are found from the programs by this layout
            if os.path.isdir(source):
                target = os.path.join(f"{copy}.new", os.path.relpath(source, os.path.dirname(package)))
                shutil.copytree(source, target, symlinks=True)
        for parent, _, names in os.walk(f"{copy}.new"):
            os.chmod(parent, 0o755)
            for path in (os.path.join(parent, name) for name in names):
                if not os.path.islink(path):
                    os.chmod(path, 0o755 if os.stat(path).st_mode & 0o100 else 0o644)
        os.rename(f"{copy}.new", copy)
    return os.path.join(copy, os.path.relpath(program, os.path.dirname(package)))


def _prctl(option: int, *values: int) -> None:
    """prctl(2), with all its five words."""
    words = [ctypes.c_ulong(value) for value in (*values, 0, 0, 0, 0)[:4]]
    if ctypes.CDLL(None, use_errno=True).prctl(option, *words):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _set_capabilities(bits: int) -> None:
    """capset(2): exactly `bits` permitted, effective and inheritable from here on."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)(bits, bits, bits, 0, 0, 0)
    if ctypes.CDLL(None, use_errno=True).capset(header, sets):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def serve(uid: int, gid: int, folder: str, command: list[str]) -> None:
    """Start the server in the background and watch over it; the caller gets its process back at once."""
    server_lock = os.open(os.path.join(folder, "server.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    clients_lock = os.open(os.path.join(folder, "clients.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(server_lock, fcntl.LOCK_EX)  # waits at most for those who only ask whether it is free
    command[0] = become(uid, gid, folder, command[0])
    if os.fork():
        os._exit(0)  # the caller waits for this process only; the one that stays belongs to init
    os.set_inheritable(server_lock, True)
    limit_memory()
    server = os.posix_spawn(command[0], command, os.environ)
    os.close(server_lock)
    if os.geteuid() != 0:
        _set_capabilities(0)

    def stop(*_: object) -> None:
        os.kill(server, signal.SIGINT)  # "fast shutdown": roll back, write a checkpoint, leave

    def stop_when_alone() -> None:
        fcntl.flock(clients_lock, fcntl.LOCK_EX)  # granted when the last client is gone; kept until this process ends
        stop()

    signal.signal(signal.SIGTERM, stop)
    threading.Thread(target=stop_when_alone, daemon=True).start()
    os.waitpid(server, 0)
    os._exit(0)


def limit_memory() -> None:
    """No process of the server takes more than half of the machine's memory: PostgreSQL has no limit for one SELECT.

    Beyond it the statement fails and is undone. Without it the kernel would kill some process of the machine instead,
    and after one of its own PostgreSQL stops all others.
    """
    most = max(1 << 30, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2)
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def main() -> None:
    mode, uid, gid, folder, *command = sys.argv[1:]
    os.chdir("/")  # wherever the client stands may be closed to the server's user, or go away
    if mode == "serve":
        serve(int(uid), int(gid), folder, command)
    else:
        command[0] = become(int(uid), int(gid), folder, command[0])
        os.execv(command[0], command)


if __name__ == "__main__":
    main()
