"""DuckDB over a store's Parquet files: a database of its own for one statement, which can reach nothing else."""

import os
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..store import catalog
from ..store.database import Store
from ..store.errors import BadInput
from . import select_only
from .rows import BLOCK_ROWS, Limits, Row, Streamed

if TYPE_CHECKING:
    import duckdb

_MEMORY = 4 << 30  # bytes, or half of what the machine has; beyond it sorts, joins and groups go to the disk
_SPILLED = "20GB"
_THREADS = 8
# What every scan's points have in SQL, whether it is labelled or not.
_POINTS = "SELECT NULL::VARCHAR AS dataset, NULL::VARCHAR AS scene, NULL::INTEGER AS label WHERE false"
_NOTHING = "SELECT NULL::VARCHAR AS dataset, NULL::VARCHAR AS scene WHERE false"


@contextmanager
def streamed(store: Store, statement: str, features: str | None, limits: Limits) -> Iterator[Streamed]:
    """The rows of one SELECT over the views points, correspondences and features, read while the context is open."""
    import duckdb

    files, names = catalog.files(store, features), catalog.label_names(store)
    _refuse_damaged(store, files)
    with (
        tempfile.TemporaryDirectory(prefix="ovstore-sql-") as folder,
        duckdb.connect(config=_settings(folder)) as connection,
    ):
        _make_views(connection, files, names)
        _lock(connection, files)
        remaining = float(limits.seconds)

        def block() -> list[Row]:
            nonlocal remaining
            with _interrupted(connection, remaining) as started:
                rows = result.fetchmany(BLOCK_ROWS)
            remaining -= time.monotonic() - started
            return rows

        try:
            with _interrupted(connection, remaining):
                select_only.require(connection, statement, files.keys())
                result = connection.execute(statement)
            columns = tuple(column[0] for column in result.description or ())
            yield Streamed(columns, iter(block, []))
        except duckdb.InterruptException as error:
            raise BadInput(f"The statement took over {limits.seconds} s: make it simpler.") from error
        except duckdb.Error as error:
            raise BadInput(str(error).strip().splitlines()[0]) from error


def _refuse_damaged(store: Store, files: Mapping[str, Sequence[tuple[str, str, Path]]]) -> None:
    """DuckDB looks at no checksum: what is known to be damaged must not answer."""
    damaged = catalog.damaged_files(store)
    for of_view in files.values():
        for dataset, scene, path in of_view:
            if path in damaged:
                raise BadInput(
                    f"{path} of {dataset}/{scene} is damaged ({damaged[path]}): `ovstore doctor` says what to do."
                )


@contextmanager
def _interrupted(connection: "duckdb.DuckDBPyConnection", seconds: float) -> Iterator[float]:
    """What runs inside is broken off after so many seconds; the time at which it began."""
    timer = threading.Timer(max(0.0, seconds), connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield time.monotonic()
    finally:
        timer.cancel()


def _settings(folder: str) -> dict[str, Any]:
    """No network, no extensions, no secrets, no variables of this program; work that spills goes to `folder`."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    return {
        "memory_limit": f"{min(memory, _MEMORY) >> 20}MiB",
        "threads": min(_THREADS, len(os.sched_getaffinity(0))),
        "temp_directory": folder,
        "max_temp_directory_size": _SPILLED,
        "python_enable_replacements": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
        "allow_persistent_secrets": False,
    }


def _lock(connection: "duckdb.DuckDBPyConnection", files: Mapping[str, Sequence[tuple[str, str, Path]]]) -> None:
    """From here on the views' own files can be opened and no others, and no setting can be changed."""
    paths = ", ".join(_quoted(str(path)) for of_view in files.values() for _, _, path in of_view)
    connection.execute(f"SET allowed_paths = [{paths}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _make_views(
    connection: "duckdb.DuckDBPyConnection",
    files: Mapping[str, Sequence[tuple[str, str, Path]]],
    names: Mapping[tuple[str, str], Mapping[int, str]],
) -> None:
    """One view per kind of file, each row with its dataset and scene; points also with the name of their label."""
    import duckdb

    _make_label_names(connection, names)
    for view, of_view in files.items():
        parts = [
            f"SELECT {_quoted(dataset)} AS dataset, {_quoted(scene)} AS scene, * "
            f"FROM read_parquet({_quoted(str(path))})"
            for dataset, scene, path in of_view
        ]
        rows = " UNION ALL BY NAME ".join([*parts, _POINTS if view == "points" else _NOTHING])
        if view == "points":  # a join, for the names of each scene in its part of the union take minutes to plan
            rows = f"SELECT p.*, label_name FROM ({rows}) AS p LEFT JOIN label_names USING (dataset, scene, label)"
        try:
            connection.execute(f"CREATE VIEW {view} AS {rows}")
        except duckdb.Error as error:
            for _, _, path in of_view:
                _require_readable(path)
            raise BadInput(f"The view {view} cannot be made: {str(error).splitlines()[0]}") from error


def _make_label_names(
    connection: "duckdb.DuckDBPyConnection", names: Mapping[tuple[str, str], Mapping[int, str]]
) -> None:
    rows = [(*scene, label, name) for scene, of_scene in names.items() for label, name in of_scene.items()]
    types = (pa.string(), pa.string(), pa.int64(), pa.string())
    columns = zip(*rows, strict=True) if rows else ((), (), (), ())
    arrays = [pa.array(column, kind) for column, kind in zip(columns, types, strict=True)]
    connection.register("given_names", pa.table(arrays, names=["dataset", "scene", "label", "label_name"]))
    connection.execute("CREATE TABLE label_names AS SELECT * FROM given_names")
    connection.unregister("given_names")


def _require_readable(path: Path) -> None:
    """BadInput for a file that is missing or damaged."""
    try:
        pq.read_schema(path)
    except FileNotFoundError as error:
        raise BadInput(f"The file {path} is missing: `ovstore doctor` says what to do.") from error
    except (pa.ArrowException, OSError) as error:
        raise BadInput(f"The file {path} cannot be read: `ovstore doctor` says what to do.") from error


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
