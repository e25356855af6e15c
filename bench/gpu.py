"""Everything that runs on CUDA beside its twin on the CPU: agreement, speed and peak memory, in one table.

    python bench/gpu.py --out gpu.json                  all parts, at most 8 minutes on one data-centre GPU
    python bench/gpu.py --only lseg --only student      some parts
    python bench/gpu.py --device cpu                    both sides on the CPU, in small: to see that the check runs

Every part runs in a process of its own with a time limit of its own: one that fails, is killed or takes too long is a
row that failed, and the others go on. Parts that the minutes leave no time for are named. Nothing is downloaded;
weights are random. On a machine without CUDA the check says so and is skipped. Exit code 1: a part failed. See
docs/gpu.md; parts are listed in bench/gpu_parts.py.
"""

import argparse
import importlib
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping
from dataclasses import asdict, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from gpu_parts import Part, Setting, Unavailable
from gpu_rows import Agreement, Row, table

LEAST_SECONDS = 5.0  # a part that has less left is not begun
PROBE_SECONDS = 120.0
LOG_LINES = 15  # of what a part that failed had to say
PACKAGES = ("torch", "numpy", "open_clip_torch", "timm", "spconv-triton", "faiss-gpu-cuvs", "faiss-gpu", "faiss-cpu")
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--device", choices=("cuda", "cpu"), default="cuda", help="what is compared with the CPU [cuda]"
    )
    parser.add_argument("--small", action="store_true", help="small sizes; always so with --device cpu")
    parser.add_argument("--only", action="append", metavar="PART", help="run this part only; may be repeated")
    parser.add_argument("--minutes", type=float, default=8.0, help="for all parts together [8]")
    parser.add_argument("--out", type=Path, help="write the rows as JSON, after each part")
    parser.add_argument("--registry", default="gpu_parts", help=argparse.SUPPRESS)
    parser.add_argument("--alone", nargs=2, metavar=("PART", "FOLDER"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    chosen.small = chosen.small or chosen.device == "cpu"
    parts: dict[str, Part] = importlib.import_module(chosen.registry).PARTS
    if chosen.alone:
        alone(parts, *chosen.alone, chosen)
        return 0
    if unknown := [name for name in chosen.only or () if name not in parts]:
        parser.error(f"no part named {unknown[0]!r}; there are {', '.join(parts)}")
    if chosen.out and not chosen.out.absolute().parent.is_dir():
        parser.error(f"{chosen.out}: there is no folder {chosen.out.absolute().parent}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # a part under way is ended on the way out
    machine = described(chosen.device)
    if chosen.device == "cuda" and (lacking := without_cuda(machine)):
        print(lacking)
        write(chosen.out, {"machine": machine, "skipped": lacking})
        return 0
    wanted = {name: parts[name] for name in parts if name in (chosen.only or parts)}
    rows = run_all(wanted, chosen, machine)
    print(table(rows))
    return int(any(row.outcome == "failed" for row in rows) or not any(row.outcome == "passed" for row in rows))


def run_all(parts: Mapping[str, Part], chosen: argparse.Namespace, machine: Mapping[str, Any]) -> list[Row]:
    """The rows of all parts, one after another."""
    started = time.monotonic()
    rows: list[Row] = []
    for name, part in parts.items():
        left = 60 * chosen.minutes - (time.monotonic() - started)
        if left < min(LEAST_SECONDS, part.seconds):
            rows.append(Row("", "skipped", f"not begun, as the {chosen.minutes:g} minutes were over", part=name))
        else:
            print(f"{name} ...", file=sys.stderr, flush=True)
            rows += run_part(name, part, chosen, left)
        seconds = round(time.monotonic() - started, 1)
        write(chosen.out, {"machine": machine, "seconds": seconds, "rows": [asdict(row) for row in rows]})
    return rows


def run_part(name: str, part: Part, chosen: argparse.Namespace, left: float) -> list[Row]:
    """The rows that a process of its own gave, and one more where it did not end well."""
    limit = min(part.seconds, left)
    with tempfile.TemporaryDirectory(prefix="gpu-", ignore_cleanup_errors=True) as folder:
        command = [sys.executable, __file__, "--alone", name, folder, "--device", chosen.device]
        command += ["--registry", chosen.registry, *(["--small"] if chosen.small else [])]
        environment = {**os.environ, **OFFLINE, "OVSTORE_HOME": str(Path(folder) / "store"), **part.environment}
        out, log = Path(folder) / "rows.out", Path(folder) / "part.log"
        with out.open("wb") as told, log.open("wb") as said:
            child = subprocess.Popen(command, env=environment, stdout=told, stderr=said, start_new_session=True)
            over = False
            try:
                child.wait(limit)
            except subprocess.TimeoutExpired:
                over = True
            finally:
                if child.returncode is None:
                    os.killpg(child.pid, signal.SIGKILL)  # a group of its own: with all that it started
                    child.wait()
        rows = [replace(row, part=name) for row in rows_of(out.read_text(encoding="utf-8", errors="replace"))]
        lines = log.read_text(encoding="utf-8", errors="replace").rstrip().splitlines()
    if over and left < part.seconds:
        return [*rows, Row("", "skipped", f"cut off, as the {chosen.minutes:g} minutes were over", part=name)]
    if reason := f"stopped after {limit:g} s" if over else how_it_failed(child.returncode, lines):
        rows.append(Row("", "failed", reason, part=name))
    if any(row.outcome == "failed" for row in rows):
        print("\n".join(lines[-LOG_LINES:]), file=sys.stderr)
    return rows or [Row("", "failed", "it compared nothing", part=name)]


def how_it_failed(code: int, lines: list[str]) -> str:
    """Empty where it did not."""
    if code == 0:
        return ""
    if code < 0:
        name = signal.Signals(-code).name
        return f"killed by {name}" + (", as a machine out of memory does" if name == "SIGKILL" else "")
    return (lines[-1] if lines else f"exit code {code}")[:300]


def rows_of(text: str) -> list[Row]:
    """Of whole lines; the last one of a process that was killed may be half a line."""
    found = []
    for line in text.splitlines():
        try:
            content = json.loads(line)
        except ValueError:
            continue
        agreement = content.pop("agreement")
        found.append(Row(**content, agreement=Agreement(**agreement) if agreement else None))
    return found


def alone(parts: Mapping[str, Part], name: str, folder: str, chosen: argparse.Namespace) -> None:
    """One part in this process: a line of JSON for each row, on what was the standard output."""
    signal.alarm(int(parts[name].seconds) + 10)  # ends it where whoever started it is gone
    told = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no row
    empty = Path(folder) / "part"
    empty.mkdir()
    try:
        run = getattr(importlib.import_module(parts[name].module), name)
        for row in run(Setting(chosen.device, chosen.small, empty)):
            print(json.dumps(asdict(row)), file=told, flush=True)
    except Exception as error:
        traceback.print_exc()
        print(json.dumps(asdict(end_of(error))), file=told)


def end_of(error: Exception) -> Row:
    """Skipped where the machine lacks something, else failed with the first line of the error."""
    if isinstance(error, Unavailable):
        return Row("", "skipped", str(error))
    package = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    if package and package != "ovstore" and not (Path(__file__).parent / f"{package}.py").exists():
        return Row("", "skipped", f"the package {package!r} is missing")
    first = next(iter(str(error).splitlines()), "")
    return Row("", "failed", f"{type(error).__name__}: {first}"[:300])


def described(device: str) -> dict[str, Any]:
    """The machine: packages, processors and, where it is asked for, the GPU."""
    packages = {name: found for name in PACKAGES if (found := _version(name))}
    machine = {"processors": os.cpu_count(), "python": platform.python_version(), "packages": packages}
    return {**machine, **_gpu()} if device == "cuda" else machine


def _gpu() -> dict[str, Any]:
    """By a process of its own, as even looking for one can crash."""
    probe = (
        "import json, torch; there = torch.cuda.is_available(); "
        "found = torch.cuda.get_device_properties(0) if there else None; "
        "print(json.dumps({'cuda': torch.version.cuda, 'gpu': found and found.name, "
        "'gpu_mb': found and found.total_memory >> 20}))"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", probe], capture_output=True, text=True, timeout=PROBE_SECONDS, check=True
        )
        found: dict[str, Any] = json.loads(done.stdout)
    except (subprocess.SubprocessError, ValueError):
        return {"cuda": None, "gpu": None, "gpu_mb": None}
    return found


def without_cuda(machine: Mapping[str, Any]) -> str:
    """Why there is nothing to compare; empty where there is."""
    if machine["gpu"]:
        return ""
    torch = machine["packages"].get("torch")
    sees = f"PyTorch {torch} sees no CUDA device here" if torch else "PyTorch is not installed here"
    return f"The GPU check was skipped: {sees}. With --device cpu it runs in small, both sides on the CPU."


def write(path: Path | None, content: Mapping[str, Any]) -> None:
    if path:
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


if __name__ == "__main__":
    sys.exit(main())
