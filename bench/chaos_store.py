"""The store that is attacked by chaos.py: what it should hold, commands run in it, and whether it is whole."""

import os
import signal
import sys
import time
import traceback
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray
from ovstore.cli import main as command_line
from ovstore.core.features import LEVELS, Query
from ovstore.store.catalog import catalog
from ovstore.store.maintain import verify
from ovstore.store.postgres.database import Database
from ovstore.store.postgres.database import open as open_store
from ovstore.store.search.search import search

ENCODER, DATASET = "color_words", "rgbd"
STUDENT = "student"
DISTILL = (
    "distill", "--features", ENCODER, "--dataset", DATASET, "--out", STUDENT, "--student", "tiny", "--config", "small",
    "--voxel-size", 0.3, "--epochs", 1, "--loop", 1, "--batch-size", 2, "--workers", 0, "--device", "cpu",
)  # fmt: skip
_QUESTIONS, _TOP = 3, 8
_PATIENCE = 300.0  # seconds for any command; none takes a tenth of it

Held = dict[str, str]  # "dataset/scene" or "dataset/scene features NAME" -> content digest
Answers = list[tuple[str, str, float, int]]  # scene, level, score, points


@dataclass
class Victim:
    """A command at work in a process of its own, forked from this one: it need not load anything."""

    pid: int
    log: Path
    began: float

    def wait(self, seconds: float = _PATIENCE) -> int | None:
        """The exit status, negative for a signal; None when it still runs after `seconds`."""
        until = time.monotonic() + seconds
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            if time.monotonic() > until:
                return None
            time.sleep(0.002)

    def kill(self) -> None:
        """kill -9, and wait for the body."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def said(self) -> str:
        """What it printed."""
        return self.log.read_text(errors="replace")


class Attacked:
    """Two rooms, ingested and asked once: what comes later is held against that."""

    def __init__(self, folder: Path, training: bool) -> None:
        self.folder, self.path, self.training = folder, folder / "store", training
        self.scans = folder / "scans"
        self.held_open = ExitStack()
        self.runs = 0

    def __enter__(self) -> "Attacked":
        self._in_this_process(
            "generate", "rgbd", self.scans, "--scenes", 2, "--seed", 1, "--frames", 3, "--lost-frames", 0,
            "--color-size", 96, 72, "--depth-size", 80, 60, "--spacing", 0.2,
        )  # fmt: skip
        self._in_this_process("ingest", "rgbd", self.scans, "--encoder", ENCODER)
        with self.open() as store:
            self.base, _ = held(store)
            [first, *_] = catalog.feature_sets(store)
            self.space = first.space
            rng = np.random.default_rng(7)
            self.questions = [_unit(rng.normal(size=self.space.dim)) for _ in range(_QUESTIONS)]
            self.answers = self.ask(store)
        # Once in this process, so that what these load is there in each fork; then the store is as it was.
        self._in_this_process("index", "build", "faiss")
        self._in_this_process("index", "drop", "faiss")
        self._in_this_process("db", "upgrade")
        if self.training:
            self._in_this_process(*DISTILL)
            self._in_this_process("forget", "--dataset", DATASET, "--features", STUDENT, "--yes")
        self.hold()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.let_go()

    def open(self) -> Database:
        """As the next user would."""
        return open_store(self.path, create=False)

    def hold(self) -> None:
        """Keep the server up between blows."""
        self.held_open.enter_context(self.open())

    def let_go(self) -> None:
        """The server is the victim's alone: it starts it, and takes it down."""
        self.held_open.close()

    def command(self, *arguments: object, store: Path | None = None, url: str | None = None) -> Victim:
        """`ovstore ARGUMENTS` in another process."""
        self.runs += 1
        log = self.folder / "said.txt"
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            _be(log, ["--store", str(store or self.path), *map(str, arguments)], url)
        return Victim(pid, log, time.monotonic())

    def finish(self, *arguments: object, store: Path | None = None, url: str | None = None) -> list[str]:
        """Run a command to its end; what was wrong with that."""
        victim = self.command(*arguments, store=store, url=url)
        status = victim.wait()
        if status is None:
            victim.kill()
            return [f"{arguments[0]} hung"]
        return [] if status == 0 else [f"{arguments[0]} ended with {status}: {victim.said()}"]

    def ask(self, store: Database, index: str | None = None, datasets: tuple[str, ...] = (DATASET,)) -> Answers:
        """The answers to the fixed questions; of the first scenes, or of all, through an index."""
        found: Answers = []
        for vector in self.questions:
            for level in LEVELS:
                name = ENCODER if datasets else None
                query = Query(vector, self.space, _TOP, level, datasets, feature_set=name, ungrouped=True)
                found += [(hit.scene, hit.level, hit.score, hit.point_count) for hit in search(store, query, index)]
        return found

    def faults(self, store: Database) -> tuple[Held, list[str], int]:
        """What is held, what is wrong with it, and how many files were left behind; leftovers are swept first."""
        cleaned = verify.clean(store)
        findings = verify.check(store, contents=True)
        # An index that is behind answers right; where it is not told of, a search is only slower.
        faults = [f"{one.subject}: {one.problem}" for one in findings if "searches are correct" not in one.problem]
        found, _ = held(store)
        faults += [f"{name} is not what it was" for name, content in self.base.items() if found.get(name) != content]
        if self.ask(store) != self.answers:
            faults.append("a question got another answer")
        return found, faults, len(cleaned.files)

    def _in_this_process(self, *arguments: object) -> None:
        """So that what commands load is there already in each process that is forked."""
        with open(os.devnull, "w") as nowhere:
            streams = sys.stdout, sys.stderr
            sys.stdout = sys.stderr = nowhere
            try:
                command_line(["--store", str(self.path), *map(str, arguments)], standalone_mode=False)
            except SystemExit as end:
                if end.code:
                    raise RuntimeError(f"ovstore {arguments[0]} ended with {end.code}") from end
            finally:
                sys.stdout, sys.stderr = streams


def held(store: Database) -> tuple[Held, list[str]]:
    """What the rows name, and the names of scenes alone."""
    scenes = {scene.full_name: scene.content_digest for scene in catalog.scenes(store)}
    sets = {
        f"{found.dataset}/{found.scene} features {found.name}": found.content_digest
        for found in catalog.feature_sets(store)
    }
    return scenes | sets, list(scenes)


def _be(log: Path, arguments: list[str], url: str | None) -> None:
    """This process, a fork, becomes the command."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    if url is not None:
        os.environ["OVSTORE_DATABASE_URL"] = url
    code = 1
    try:
        command_line(arguments)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float32]:
    return (vector / np.linalg.norm(vector)).astype(np.float32)
