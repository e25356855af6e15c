"""Kills: a command, or the server or supervisor behind it, dies at a random instant, and the next run picks up."""

import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psycopg
from chaos_store import DATASET, DISTILL, ENCODER, Attacked, Held, Victim, held
from ovstore.core.errors import OvstoreError
from ovstore.store.maintain import verify
from ovstore.store.postgres import cluster, migrate
from ovstore.store.postgres.database import Database
from ovstore.store.postgres.database import open as open_store
from psycopg.conninfo import make_conninfo

KINDS = {
    "ingest": "ingest",
    "distill": "distill",
    "index": "index build, drop",
    "forget": "forget",
    "upgrade": "db upgrade",
    "server": "the database server under a command",
    "supervisor": "the server's supervisor under a command",
}
_SECOND, _VIEWED = "second", "viewed"
_LATE = 1.15  # instants are drawn from the length of the last whole run, and a little beyond


@dataclass
class Blow:
    """What one blow did."""

    at_work: bool = False
    checked: int = 0
    leftovers: int = 0
    faults: list[str] = field(default_factory=list)


class Kills:
    """One blow after the other at a store; each leaves it whole for the next."""

    def __init__(self, attacked: Attacked, rng: np.random.Generator) -> None:
        self.attacked, self.rng = attacked, rng
        self.lengths: dict[str, float] = {}  # seconds that the last whole run of a command took
        self.upgrades: _OldStore | None = None

    def strike(self, kind: str) -> Blow:
        """A blow of that kind, and everything that is looked at after it."""
        blow = Blow()
        if kind == "upgrade":
            self._upgrade(blow)
        elif kind in ("server", "supervisor"):
            self._behind(kind, blow)
        else:
            self._command(kind, blow)
        return blow

    def _command(self, kind: str, blow: Blow) -> None:
        arguments, again = self._chosen(kind)
        victim = self.attacked.command(*arguments)
        blow.at_work = self._killed_in_time(victim, _key(arguments))
        self._settle(blow, arguments, again)

    def _chosen(self, kind: str) -> tuple[Sequence[object], Sequence[object]]:
        """A command of that kind that has something to do, and how it is taken up again."""
        rgbd = ("ingest", "rgbd", self.attacked.scans, "--encoder", ENCODER)
        with self.attacked.open() as store:
            found, _ = held(store)
        if kind == "ingest":
            choices = [(*rgbd, "--name", _SECOND), (*rgbd, "--features", _VIEWED, "--weighting", "view")]
            if any(name.startswith(f"{_SECOND}/") for name in found):
                tolerance = ("--depth-tolerance", round(float(self.rng.uniform(0.05, 0.09)), 3))
                choices = [(*rgbd, "--name", _SECOND, *tolerance, "--again"), choices[1]]
            if any(name.endswith(f"features {_VIEWED}") for name in found):
                choices = [choices[0], (*choices[1], "--again")]
            chosen = self._one_of(choices)
            return chosen, chosen
        if kind == "forget":
            whole, part = ("--dataset", _SECOND), ("--dataset", DATASET, "--features", _VIEWED)
            choices = [("forget", *whole, "--yes")] if any(n.startswith(f"{_SECOND}/") for n in found) else []
            choices += [("forget", *part, "--yes")] if any(n.endswith(f"features {_VIEWED}") for n in found) else []
            if not choices:
                self.attacked.finish(*rgbd, "--name", _SECOND)
                choices = [("forget", *whole, "--yes")]
            chosen = self._one_of(choices)
            return chosen, chosen
        if kind == "index":
            chosen = (
                "index",
                self._one_of(["build", "build", "drop"]),
                self._one_of(["faiss", "pgvector_hnsw", "exact"]),
            )
            return chosen, ("index", "build", chosen[2])
        return (*DISTILL, "--again"), (*DISTILL, "--again")

    def _behind(self, kind: str, blow: Blow) -> None:
        """The server, one of its backends, or the supervisor, under a command that is at work."""
        arguments, again = self._chosen(self._one_of(["ingest", "index", "forget"]))
        alone = bool(self.rng.random() < 0.3)
        if alone:
            self.attacked.let_go()
        victim = self.attacked.command(*arguments)
        time.sleep(self.rng.uniform(0, _LATE * self.lengths.get(_key(arguments), 1.0)))
        blow.at_work = _kill_behind(self.attacked.path / "postgres", kind, self.rng)
        status = victim.wait()
        if status is None:
            victim.kill()
            blow.faults.append(f"{_key(arguments)} hung after its {kind} was killed")
        elif status not in (0, 1) or "Traceback" in victim.said():
            blow.faults.append(f"{_key(arguments)} ended with {status} and said:\n{victim.said()}")
        self._settle(blow, arguments, again)
        if alone:
            self.attacked.hold()

    def _settle(self, blow: Blow, arguments: Sequence[object], again: Sequence[object]) -> None:
        """The store is whole; the command, run once more, ends well and leaves it whole."""
        try:
            self._look(blow)
            began = time.monotonic()
            faults = self.attacked.finish(*again)
            if arguments[0] == "forget" and faults and " no " in faults[0].lower():
                faults = []  # it was done already
            blow.faults += faults
            if again == arguments:
                self.lengths[_key(arguments)] = time.monotonic() - began
            self._look(blow, indexes=arguments[0] == "index")
        except OvstoreError as error:
            blow.faults.append(f"after {_key(arguments)}: {error}")

    def _look(self, blow: Blow, indexes: bool = False) -> None:
        with self.attacked.open() as store:
            found, faults, leftovers = self.attacked.faults(store)
            if indexes:
                exact = self.attacked.ask(store, "exact", ())
                for name in ("faiss", "pgvector_hnsw"):
                    if self.attacked.ask(store, name, ()) != exact:
                        faults.append(f"{name} answers otherwise than exact search")
        blow.checked += len(found)
        blow.leftovers += leftovers
        blow.faults += faults

    def _upgrade(self, blow: Blow) -> None:
        """A copy of the catalog that an older ovstore wrote is brought up to date."""
        old = self.upgrades = self.upgrades or _OldStore(self.attacked)
        try:
            old.downgrade(self.rng)
            victim = self.attacked.command("db", "upgrade", store=old.path, url=old.url)
            blow.at_work = self._killed_in_time(victim, "db upgrade")
            began = time.monotonic()
            blow.faults += self.attacked.finish("db", "upgrade", store=old.path, url=old.url)
            self.lengths["db upgrade"] = time.monotonic() - began
            found, faults = old.faults()
            blow.checked += len(found)
            blow.faults += faults
        except OvstoreError as error:
            blow.faults.append(f"db upgrade: {error}")

    def _killed_in_time(self, victim: Victim, key: str) -> bool:
        """Kill it at a random instant; False when it was done before."""
        if victim.wait(self.rng.uniform(0, _LATE * self.lengths.get(key, 1.0))) is not None:
            return False
        victim.kill()
        return True

    def _one_of(self, choices: list) -> object:
        return choices[int(self.rng.integers(len(choices)))]


class _OldStore:
    """A second store, whose database on the same server is taken back to an older schema before each blow."""

    def __init__(self, attacked: Attacked) -> None:
        self.attacked, self.path = attacked, attacked.folder / "old"
        with attacked.open() as store:
            with psycopg.connect(store.conninfo, autocommit=True) as connection:
                connection.execute("CREATE DATABASE old")
            self.url = make_conninfo(store.conninfo, dbname="old")
            rgbd = ("ingest", "rgbd", attacked.scans, "--encoder", ENCODER)
            if faults := attacked.finish(*rgbd, store=self.path, url=self.url):
                raise RuntimeError(faults[0])
        with self._opened() as store:
            self.base, _ = held(store)

    def downgrade(self, rng: np.random.Generator) -> None:
        """To a step that had scenes and feature sets already."""
        steps = [step for step, _ in migrate.history()][2:-1]
        step = steps[int(rng.integers(len(steps)))]
        with self.attacked.open(), self._opened(check=False) as store, store.connect() as connection:
            migrate.downgrade(connection, step)

    def faults(self) -> tuple[Held, list[str]]:
        """What it holds, and what is wrong with it."""
        with self._opened() as store:
            faults = [
                f"{finding.subject}: {finding.problem}"
                for finding in verify.check(store, contents=True)
                if "no tree of things" not in finding.problem  # which going back takes with its table
            ]
            found, _ = held(store)
        return found, faults + (["db upgrade lost rows"] if found != self.base else [])

    def _opened(self, check: bool = True) -> Database:
        return open_store(self.path, database_url=self.url, create=False, check=check)


def _kill_behind(folder: Path, kind: str, rng: np.random.Generator) -> bool:
    """kill -9 of a process that serves the cluster in `folder`; False when there was none."""
    supervisors, servers = _processes(folder)
    chosen = supervisors if kind == "supervisor" else servers
    if not chosen:
        return False
    # The postmaster half of the time, else one of its children: it then restarts them all.
    at = 0 if kind == "supervisor" or rng.random() < 0.5 else int(rng.integers(len(chosen)))
    with suppress(ProcessLookupError):
        os.kill(chosen[at], signal.SIGKILL)
        return True
    return False


def _processes(folder: Path) -> tuple[list[int], list[int]]:
    """(supervisors, server processes with the postmaster first) of this cluster alone."""
    postmaster = cluster.noted_pid(folder)
    if postmaster is None or not cluster.is_server_of(folder, postmaster):
        postmaster = None
    supervisors, children = [], []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError, IndexError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if b"serve" in words and os.fsencode(folder.resolve()) in words:
                supervisors.append(int(entry.name))
            elif parent == postmaster:
                children.append(int(entry.name))
    return supervisors, ([] if postmaster is None else [postmaster, *children])


def _key(arguments: Sequence[object]) -> str:
    """What a command is called in messages, and remembered by."""
    return " ".join(str(word) for word in arguments[:2] if not str(word).startswith(("-", "/")))
