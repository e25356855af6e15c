"""DuckDB over a store's Parquet files, in a process that lives for one statement and can reach nothing else."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..core import environment
from ..core.errors import BadInput
from ..store.catalog import catalog
from ..store.postgres.database import Database
from . import rows_as_lines
from .rows import BLOCK_ROWS, Limits, Row, Streamed

_BLOCK_BYTES = 8 << 20  # of lines, about
# What of the environment the process sees: where Python is, and how times and names are written.
_VARIABLES = ("PATH", "HOME", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONUSERBASE", "LANG", "LC_ALL", "TZ", "TZDIR")

_Files = Mapping[str, Sequence[tuple[str, str, Path]]]


@contextmanager
def streamed(store: Database, statement: str, features: str | None, limits: Limits) -> Iterator[Streamed]:
    """The rows of one SELECT over the views points, correspondences and features, read while the context is open."""
    if find_spec("duckdb") is None:
        raise ModuleNotFoundError("No module named 'duckdb'", name="duckdb")
    files, names = catalog.files(store, features), catalog.label_names(store)
    _refuse_damaged(store, files)
    with tempfile.TemporaryDirectory(prefix="ovstore-sql-") as folder:
        job = {
            "statement": statement,
            "files": {view: [(*scene, str(path)) for *scene, path in of_view] for view, of_view in files.items()},
            "label_names": [(*scene, *label) for scene, of_scene in names.items() for label in of_scene.items()],
            "megabytes": _megabytes(limits),
            "folder": folder,
        }
        with _Process(job, limits.seconds) as process:
            process.expect("ready", files)
            with process.timed():
                columns = process.expect("columns", files)
            yield Streamed(tuple(columns), iter(process.block, []))


class _Process:
    """What runs the statement; it is killed when its time is over, and when the context ends."""

    def __init__(self, job: Mapping[str, Any], seconds: int) -> None:
        self._megabytes = job["megabytes"]
        self._seconds, self._remaining = seconds, float(seconds)
        self._ready = self._late = self._ended = False
        variables = environment.inherited(_VARIABLES)
        variables["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", f"{__package__}.sql_on_files_process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=variables,
                bufsize=1 << 20,
            )
        except OSError as error:
            raise BadInput(f"The process for statements over files cannot be started: {error.strerror}.") from error
        assert self._process.stdin and self._process.stdout, "both were asked for"
        self._input, self._output = self._process.stdin, self._process.stdout
        try:
            with suppress(BrokenPipeError):  # what it says, or does not, tells why
                self._input.write(json.dumps(job).encode() + b"\n")
                self._input.flush()
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self) -> "_Process":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._input, self._output):
            with suppress(OSError):
                pipe.close()

    @contextmanager
    def timed(self) -> Iterator[None]:
        """What is waited for inside counts towards the statement's time."""
        timer = threading.Timer(max(0.0, self._remaining), self._kill_late)
        timer.daemon = True
        timer.start()
        started = time.monotonic()
        try:
            yield
        finally:
            timer.cancel()
            self._remaining -= time.monotonic() - started

    def expect(self, word: str, files: _Files) -> Any:
        """What the process says under this word; BadInput for an error."""
        said = json.loads(self._line())
        if "view" in said:
            for _, _, path in files[said["view"]]:
                _require_readable(path)
            raise BadInput(f"The view {said['view']} cannot be created: {said['error']}")
        if "error" in said:
            raise BadInput(said["error"])
        self._ready = True
        return said[word]

    def block(self) -> list[Row]:
        """The next rows; none at the end."""
        rows: list[Row] = []
        size = 0
        with self.timed():
            while not self._ended and len(rows) < BLOCK_ROWS and size < _BLOCK_BYTES:
                line = self._line()
                if line.startswith(b"{"):
                    said = json.loads(line)
                    if "error" in said:
                        raise BadInput(said["error"])
                    self._ended = True
                else:
                    rows.append(rows_as_lines.read(line))
                    size += len(line)
        return rows

    def _kill_late(self) -> None:
        self._late = True
        self._process.kill()

    def _line(self) -> bytes:
        line = self._output.readline()
        if line.endswith(b"\n"):
            return line
        if self._late:
            raise BadInput(f"The statement took over {self._seconds} s: make it simpler.")
        code = self._process.wait()
        how = f"signal {-code}" if code < 0 else f"status {code}"
        if not self._ready:
            raise BadInput(f"The process for statements over files ended before it was ready ({how}).")
        raise BadInput(
            f"The process that ran the statement died ({how}), most likely because it needed more than the "
            f"{self._megabytes:,} MB of memory that a statement may use: make it simpler."
        )


def _megabytes(limits: Limits) -> int:
    """What one statement may take of the memory: half of what the machine has at most."""
    return min(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 21, limits.engine_megabytes)


def _refuse_damaged(store: Database, files: _Files) -> None:
    """DuckDB looks at no checksum: what is known to be damaged must not answer."""
    damaged = catalog.damaged_files(store)
    for of_view in files.values():
        for dataset, scene, path in of_view:
            if path in damaged:
                raise BadInput(
                    f"{path} of {dataset}/{scene} is damaged ({damaged[path]}): `ovstore doctor` says what to do."
                )


def _require_readable(path: Path) -> None:
    """BadInput for a file that is missing or damaged."""
    try:
        pq.read_schema(path)
    except FileNotFoundError as error:
        raise BadInput(f"The file {path} is missing: `ovstore doctor` says what to do.") from error
    except (pa.ArrowException, OSError) as error:
        raise BadInput(f"The file {path} cannot be read: `ovstore doctor` says what to do.") from error
