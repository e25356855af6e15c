"""Rot and want of room: one bit of one file flips, or the disk is full in the middle of an ingest."""

import os
import subprocess
from dataclasses import dataclass, field

import numpy as np
import psycopg
from chaos_store import DATASET, ENCODER, Answers, Attacked
from ovstore.core.errors import OvstoreError
from ovstore.query import sql
from ovstore.store.maintain import verify
from ovstore.store.postgres.database import Database
from ovstore.store.postgres.database import open as open_store
from psycopg.conninfo import make_conninfo

FILES = {
    "points": "scenes/*/points.parquet",
    "mesh": "scenes/*/points.faces.parquet",
    "correspondences": "scenes/*/correspondences.parquet",
    "features": "features/*.parquet",
    "side file: vectors": "indexes/regions-*/*.vectors",
    "side file: ids": "indexes/regions-*/*.ids",
    "side file: manifest": "indexes/regions-*/manifest.json",
    "FAISS": "indexes/faiss-*/*.index",
    "store.json": "store.json",
}
_TOTALS = "SELECT {columns} FROM {view} WHERE dataset = 'rgbd'"
_COLUMNS = {"points": "count(*), sum(x), max(label)", "correspondences": "count(*), sum(u), max(frame)",
            "features": "count(*), sum(view_count), max(point_index)"}  # fmt: skip


@dataclass
class Flips:
    """What became of the flips in files of one kind."""

    kind: str
    flips: int = 0
    found: int = 0  # by doctor --contents, or in a sentence at the opening
    harmless: int = 0  # all answers as before
    faults: list[str] = field(default_factory=list)  # another answer after doctor had said that all is well


class Rot:
    """One flip after the other; each is taken back."""

    def __init__(self, attacked: Attacked, rng: np.random.Generator) -> None:
        self.attacked, self.rng = attacked, rng
        self.rows = {kind: Flips(kind) for kind in FILES}

    def strike(self) -> None:
        """Flip a bit of a file of every kind in turn."""
        row = min(self.rows.values(), key=lambda row: row.flips)
        if row.kind == "FAISS" and not list(self.attacked.path.glob(FILES["FAISS"])):
            self.attacked.finish("index", "build", "faiss")
        paths = sorted(self.attacked.path.glob(FILES[row.kind]))
        path = paths[int(self.rng.integers(len(paths)))]
        whole = path.read_bytes()
        at, bit = int(self.rng.integers(len(whole))), int(self.rng.integers(8))
        row.flips += 1
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
        found = self._is_found()
        rotten = None if found else self._answers()
        path.write_bytes(whole)
        if found:
            row.found += 1
            with self.attacked.open() as store, store.driver_connection() as connection:
                connection.execute("UPDATE files SET damage = NULL")
        elif rotten == self._answers():
            row.harmless += 1
        else:
            row.faults.append(f"{path.name}, byte {at}, bit {bit}: {rotten} after doctor had said that all is well")

    def _is_found(self) -> bool:
        try:
            with self.attacked.open() as store:
                findings = verify.check(store, contents=True)
        except OvstoreError:
            return True
        return any("searches are correct" not in finding.problem for finding in findings)

    def _answers(self) -> tuple[Answers | str, ...]:
        """Of searches, exact and through FAISS, and of SQL over the files."""
        try:
            with self.attacked.open() as store:
                exact, faiss = self.attacked.ask(store), self.attacked.ask(store, "faiss", ())
                return exact, faiss, *(_total(store, view, columns) for view, columns in _COLUMNS.items())
        except OvstoreError as error:
            return (str(error),)


class SmallDisk:
    """A store on a disk of its own, which is filled up before each ingest; its database has room."""

    def __init__(self, attacked: Attacked, rng: np.random.Generator) -> None:
        self.attacked, self.rng, self.blows = attacked, rng, 0
        self.refused, self.faults = 0, list[str]()
        self.disk = attacked.folder / "small"
        self.disk.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", self.disk], capture_output=True)
        self.mounted = done.returncode == 0
        if self.mounted:
            with attacked.open() as store, psycopg.connect(store.conninfo, autocommit=True) as connection:
                connection.execute("CREATE DATABASE small")
                self.url = make_conninfo(store.conninfo, dbname="small")

    def strike(self) -> None:
        """An ingest without room ends in a sentence; with room it ends well, and nothing is left behind."""
        self.blows += 1
        rgbd = ("ingest", "rgbd", self.attacked.scans, "--encoder", ENCODER)
        path, ballast = self.disk / "store", self.disk / "ballast"
        room = os.statvfs(self.disk).f_bavail * os.statvfs(self.disk).f_frsize
        with self.attacked.open():  # the server stays up
            ballast.write_bytes(b"x" * max(0, room - int(self.rng.integers(120_000))))
            victim = self.attacked.command(*rgbd, store=path, url=self.url)
            status = victim.wait()
            self.refused += status == 1
            if status not in (0, 1) or "Traceback" in victim.said():
                self.faults.append(f"ingest on a full disk ended with {status} and said:\n{victim.said()}")
            ballast.unlink()
            self.faults += self.attacked.finish(*rgbd, store=path, url=self.url)
            with open_store(path, database_url=self.url) as store:
                verify.clean(store)
                self.faults += [f"{one.subject}: {one.problem}" for one in verify.check(store, contents=True)]
            self.faults += self.attacked.finish("forget", "--dataset", DATASET, "--yes", store=path, url=self.url)

    def close(self) -> None:
        """The disk is gone."""
        if self.mounted:
            subprocess.run(["umount", "-l", self.disk], check=True)


def _total(store: Database, view: str, columns: str) -> str:
    return str(sql.run_on_files(store, _TOTALS.format(columns=columns, view=view)).rows)
