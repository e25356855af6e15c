"""The process in which DuckDB runs one statement: it takes a job, answers in lines, and ends with the one who asked.

Within a single function call or while it plans, DuckDB cannot be interrupted, and not all that it holds counts towards
its own limit of memory. A process can be killed, and the kernel counts all of it.

On standard input comes one line, the job; its end means that nobody waits any more. On standard output go {"ready"}
when the views are made, {"columns"}, the rows (rows_as_lines.py) and {"end"}, or {"error"} at any place.
"""

import json
import os
import resource
import shutil
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import duckdb

from ..core.errors import BadInput
from ..core.wording import first_line
from . import rows_as_lines, select_only

_SPILLED = "20GB"
_THREADS = 8
_ROWS_AT_ONCE = 100  # of values that may be long
# What every scan's points have in SQL, whether it is labelled or not.
_POINTS = "SELECT NULL::VARCHAR AS dataset, NULL::VARCHAR AS scene, NULL::INTEGER AS label WHERE false"
_NOTHING = "SELECT NULL::VARCHAR AS dataset, NULL::VARCHAR AS scene WHERE false"


def main() -> None:
    """Do the job on standard input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who asked, who then kills this process
    job = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_when_nobody_waits, args=(job["folder"],), daemon=True).start()
    try:
        _answer(job)
    except BadInput as error:
        _say({"error": str(error)})
    except (MemoryError, duckdb.OutOfMemoryException):
        most = f"{job['megabytes']:,} MB of memory or {_SPILLED} of temporary files"
        _say({"error": f"The statement needs more than {most}: make it simpler."})
    except duckdb.Error as error:
        _say({"error": first_line(error)})
    except BrokenPipeError:
        pass
    os._exit(0)  # DuckDB would take its time to give back memory that goes with the process


def _answer(job: dict[str, Any]) -> None:
    files: dict[str, list[tuple[str, str, str]]] = job["files"]
    with duckdb.connect(config=_settings(job["folder"], job["megabytes"])) as connection:
        _make_label_names(connection, job["label_names"])
        for view, of_view in files.items():
            try:
                _make_view(connection, view, of_view)
            except duckdb.Error as error:
                return _say({"error": first_line(error), "view": view})
        _lock(connection, files)
        _limit(job["megabytes"] << 20)
        _say({"ready": True})
        select_only.require(connection, job["statement"], files.keys())
        result = connection.execute(job["statement"])
        head = result.description or ()
        _say({"columns": [column[0] for column in head]})
        nested = rows_as_lines.nested_columns([column[1] for column in head])
        while rows := result.fetchmany(_ROWS_AT_ONCE):
            for row in rows:
                sys.stdout.buffer.write(rows_as_lines.written(row, nested))
            sys.stdout.buffer.flush()
        return _say({"end": True})


def _say(what: dict[str, Any]) -> None:
    sys.stdout.buffer.write(json.dumps(what).encode() + b"\n")
    sys.stdout.buffer.flush()


def _end_when_nobody_waits(folder: str) -> None:
    """Also in the midst of a call of DuckDB, which holds no lock of Python's."""
    os.read(0, 1)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def _limit(size: int) -> None:
    """From here on the process may take so many bytes more than it has, and leaves no core file."""
    page = resource.getpagesize()
    pages = Path("/proc/self/statm").read_text().split()
    for which, used in ((resource.RLIMIT_AS, int(pages[0])), (resource.RLIMIT_DATA, int(pages[5]))):
        most = resource.getrlimit(which)[1]
        wanted = used * page + size
        value = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        resource.setrlimit(which, (value, value))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _settings(folder: str, megabytes: int) -> dict[str, Any]:
    """No network, no extensions, no secrets, no variables of this program; work that spills goes to `folder`."""
    return {
        "memory_limit": f"{megabytes * 3 // 4}MiB",  # the rest is for what DuckDB does not count
        "threads": min(_THREADS, len(os.sched_getaffinity(0))),
        "temp_directory": folder,
        "max_temp_directory_size": _SPILLED,
        "python_enable_replacements": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
        "allow_persistent_secrets": False,
    }


def _lock(connection: duckdb.DuckDBPyConnection, files: dict[str, list[tuple[str, str, str]]]) -> None:
    """From here on the views' own files can be opened and no others, and no setting can be changed."""
    paths = ", ".join(_quoted(path) for of_view in files.values() for _, _, path in of_view)
    connection.execute(f"SET allowed_paths = [{paths}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _make_view(connection: duckdb.DuckDBPyConnection, view: str, of_view: list[tuple[str, str, str]]) -> None:
    """The rows of all these files, each with its dataset and scene; points also with the name of their label."""
    parts = [
        f"SELECT {_quoted(dataset)} AS dataset, {_quoted(scene)} AS scene, * FROM read_parquet({_quoted(path)})"
        for dataset, scene, path in of_view
    ]
    rows = " UNION ALL BY NAME ".join([*parts, _POINTS if view == "points" else _NOTHING])
    if view == "points":  # a join, for the names of each scene in its part of the union take minutes to plan
        rows = f"SELECT p.*, label_name FROM ({rows}) AS p LEFT JOIN beside.label_names USING (dataset, scene, label)"
    connection.execute(f"CREATE VIEW {view} AS {rows}")


def _make_label_names(connection: duckdb.DuckDBPyConnection, names: list[tuple[str, str, int, str]]) -> None:
    connection.execute("CREATE SCHEMA beside")  # where SHOW TABLES does not list it
    columns = [list(column) for column in zip(*names, strict=True)] or [[], [], [], []]
    connection.execute(
        "CREATE TABLE beside.label_names AS SELECT unnest(?::VARCHAR[]) AS dataset, unnest(?::VARCHAR[]) AS scene, "
        "unnest(?::BIGINT[]) AS label, unnest(?::VARCHAR[]) AS label_name",
        columns,
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


if __name__ == "__main__":
    main()
