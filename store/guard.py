"""Runs a PostgreSQL program for a store: without root's identity, and no longer than the store has clients.

This file is a script of its own (`python -I -S guard.py ...`, standard library only), because both jobs need a process
that shares nothing with the client that asked for them.

    guard.py run   UID GID COMMAND...          become UID:GID, then be COMMAND (initdb)
    guard.py serve UID GID FOLDER COMMAND...   return at once; COMMAND (postgres) runs until FOLDER/clients.lock is free

`serve` locks FOLDER/server.lock and hands the lock down to the server and all its backends: it is free exactly when
none of them is alive, however they ended. The kernel drops a dead client's share of clients.lock, so the server stops
with its last client even when that one was killed.
"""

import ctypes
import fcntl
import os
import signal
import sys
import threading

_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAP_DAC_OVERRIDE = 1
_CAPABILITY_VERSION_3 = 0x20080522


def become(uid: int, gid: int, needed: list[str]) -> None:
    """Give up root for good; keep the right to pass closed folders only where one of `needed` lies behind one.

    PostgreSQL refuses to run as root, and root's home is closed (0700) to everybody else. Rather than opening the
    folders of whoever owns them, the server's user passes them by CAP_DAC_OVERRIDE, which Docker grants by default.
    """
    if os.geteuid() == uid:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if all(_reachable(path) for path in needed):
        _set_capabilities(libc, 0)
        return
    bit = 1 << _CAP_DAC_OVERRIDE
    if _set_capabilities(libc, bit) or libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0):
        blocked = next(path for path in needed if not _reachable(path))
        sys.exit(f"user {uid} cannot reach {blocked}")


def _set_capabilities(libc: ctypes.CDLL, bits: int) -> int:
    """capset(2) of this process: exactly `bits` permitted, effective and inheritable; 0 when it worked."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)(bits, bits, bits, 0, 0, 0)
    return int(libc.capset(header, data))


def _reachable(path: str) -> bool:
    try:
        os.stat(path)
    except OSError:
        return False
    return True


def serve(uid: int, gid: int, folder: str, command: list[str]) -> None:
    """Start the server in the background and watch over it; the caller gets its process back at once."""
    server_lock = os.open(os.path.join(folder, "server.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(server_lock, fcntl.LOCK_EX)  # waits at most for those who only ask whether it is free
    clients_lock = os.open(os.path.join(folder, "clients.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    become(uid, gid, [command[0], os.path.join(folder, "data", "PG_VERSION")])
    if os.fork():
        os._exit(0)  # the caller waits for this process only; the one that stays belongs to init
    os.setsid()
    os.set_inheritable(server_lock, True)
    server = os.posix_spawn(command[0], command, os.environ)
    os.close(server_lock)

    def stop(*_: object) -> None:
        os.kill(server, signal.SIGINT)  # "fast shutdown": roll back, write a checkpoint, leave

    def stop_when_alone() -> None:
        fcntl.flock(clients_lock, fcntl.LOCK_EX)  # granted when the last client is gone; kept until this process ends
        stop()

    signal.signal(signal.SIGTERM, stop)
    threading.Thread(target=stop_when_alone, daemon=True).start()
    os.waitpid(server, 0)
    os._exit(0)


def main() -> None:
    mode, uid, gid, *rest = sys.argv[1:]
    if mode == "serve":
        serve(int(uid), int(gid), rest[0], rest[1:])
    else:
        become(int(uid), int(gid), [rest[0]])
        os.execv(rest[0], rest)


if __name__ == "__main__":
    main()
