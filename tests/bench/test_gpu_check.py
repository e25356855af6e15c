"""The GPU check, where there is no GPU: it says so, each part runs in small, and what breaks is a row."""

import fcntl
import json
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import ovstore
import pytest

BENCH = Path(ovstore.__file__).parent / "bench"
BROKEN = """
LOCK = "LOCK_PATH"
import os, signal, subprocess, sys
from gpu_parts import Part
from gpu_rows import Agreement, Row

NAMES = ("good", "raises", "killed", "lacking", "absent", "differs", "silent", "last")
PARTS = {name: Part("broken", 20) for name in NAMES}
PARTS["hangs"] = Part("broken", 4)

def good(setting):
    print("a library says something")
    assert setting.small and not any(setting.folder.iterdir()) and os.environ["HF_HUB_OFFLINE"] == "1"
    yield Row("numbers", "passed", "", Agreement("largest difference", 0.0, 0.1, 2.0), 8.0, 2.0, 3.0)

last = good

def raises(setting):
    yield from good(setting)
    raise RuntimeError("CUDA error: an illegal memory access was encountered\\nCompile with TORCH_USE_CUDA_DSA")

def killed(setting):
    yield from good(setting)
    os.kill(os.getpid(), signal.SIGKILL)

def hangs(setting):
    yield from good(setting)
    hold = "import fcntl, time; lock = open(LOCK, 'w'); fcntl.flock(lock, fcntl.LOCK_EX); time.sleep(60)"
    subprocess.run([sys.executable, "-c", f"LOCK = {LOCK!r}; {hold}"])

def lacking(setting):
    from gpu_parts import Unavailable
    raise Unavailable("it needs CUDA")
    yield

def absent(setting):
    import a_package_nobody_has.inside
    yield

def differs(setting):
    yield Row("numbers", "failed", "the largest difference is 1, 0.1 was expected")

def silent(setting):
    return iter(())
"""


def check(*words: str, registry: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The command; `registry` is a folder with a module `broken`."""
    environment = {"PYTHONPATH": str(registry or ""), "PATH": "", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(BENCH / "gpu.py"), *words, *(["--registry", "broken"] if registry else [])]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("registry")
    (folder / "broken.py").write_text(BROKEN.replace("LOCK_PATH", str(folder / "lock")))
    return folder


@pytest.fixture(scope="module")
def report(registry: Path) -> tuple[subprocess.CompletedProcess[str], list[dict]]:
    out = registry / "out.json"
    done = check("--device", "cpu", "--out", str(out), registry=registry)
    return done, json.loads(out.read_text())["rows"]


def test_each_part_that_breaks_is_a_row_and_the_others_go_on(report: tuple) -> None:
    done, rows = report
    assert done.returncode == 1
    ends = {row["part"]: (row["outcome"], row["reason"]) for row in rows}
    assert ends == {
        "good": ("passed", ""),
        "raises": ("failed", "RuntimeError: CUDA error: an illegal memory access was encountered"),
        "killed": ("failed", "killed by SIGKILL, as a machine out of memory does"),
        "lacking": ("skipped", "it needs CUDA"),
        "absent": ("skipped", "the package 'a_package_nobody_has' is missing"),
        "differs": ("failed", "the largest difference is 1, 0.1 was expected"),
        "silent": ("failed", "it compared nothing"),
        "last": ("passed", ""),
        "hangs": ("failed", "stopped after 4 s"),
    }


def test_what_a_part_measured_before_it_broke_is_kept(report: tuple) -> None:
    kept = [row["part"] for row in report[1] if row["what"] == "numbers" and row["outcome"] == "passed"]
    assert kept == ["good", "raises", "killed", "last", "hangs"]


def test_what_a_stopped_part_had_started_is_stopped_too(report: tuple, registry: Path) -> None:
    with (registry / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # an error while anybody holds it


def test_a_check_that_is_told_to_stop_ends_the_part_under_way(tmp_path: Path) -> None:
    slow, lock = BROKEN.replace('Part("broken", 4)', 'Part("broken", 60)'), tmp_path / "lock"
    (tmp_path / "broken.py").write_text(slow.replace("LOCK_PATH", str(lock)))
    command = [sys.executable, str(BENCH / "gpu.py"), "--device", "cpu", "--registry", "broken", "--only", "hangs"]
    check = subprocess.Popen(command, env={"PYTHONPATH": str(tmp_path), "PATH": ""}, stderr=subprocess.DEVNULL)
    while not lock.exists() and check.poll() is None:
        time.sleep(0.05)
    check.terminate()
    assert check.wait(20) == 128 + signal.SIGTERM
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_the_table_has_a_line_a_row_and_the_reasons_below(report: tuple) -> None:
    done, rows = report
    lines = done.stdout.splitlines()
    assert lines[2] == "| good | numbers | largest difference 0 | 0.1 | passed | 8.0 | 2.0 | 4.0x | 3 |"
    assert sum(line.startswith("|") for line in lines) == 2 + len(rows)
    assert lines[-1] == "hangs failed: stopped after 4 s"


def test_parts_for_which_no_time_is_left_are_named_and_do_not_fail(registry: Path) -> None:
    done = check("--device", "cpu", "--minutes", "0.02", "--only", "hangs", "--only", "good", registry=registry)
    assert "good skipped: not begun, as the 0.02 minutes were over" in done.stdout
    assert "hangs skipped: not begun" in done.stdout
    assert done.returncode == 1  # nothing was compared, which is no success


def test_a_part_that_the_minutes_cut_off_is_skipped(registry: Path, tmp_path: Path) -> None:
    slow = BROKEN.replace('Part("broken", 4)', 'Part("broken", 60)')
    (tmp_path / "broken.py").write_text(slow.replace("LOCK_PATH", str(tmp_path / "lock")))
    done = check("--device", "cpu", "--minutes", "0.1", "--only", "hangs", registry=tmp_path)
    assert "hangs skipped: cut off, as the 0.1 minutes were over" in done.stdout
    assert done.returncode == 0


def test_without_cuda_it_says_so_in_one_sentence_and_is_no_failure(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is CUDA here")
    done = check("--out", str(tmp_path / "out.json"))
    assert done.returncode == 0
    assert done.stdout.startswith("The GPU check was skipped: PyTorch") and done.stdout.count("\n") == 1
    assert json.loads((tmp_path / "out.json").read_text())["skipped"] == done.stdout.strip()


def test_a_part_that_does_not_exist_is_met_with_those_that_do() -> None:
    done = check("--device", "cpu", "--only", "lsge")
    assert done.returncode == 2
    assert "no part named 'lsge'; there are convolutions, student" in done.stderr


def bench(name: str) -> ModuleType:
    """A module of bench/."""
    if str(BENCH) not in sys.path:
        sys.path.append(str(BENCH))
    return import_module(name)


PARTS = bench("gpu_parts").PARTS


@pytest.mark.parametrize("name", PARTS)
def test_every_part_agrees_with_itself_on_a_cpu(name: str, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    for package in ("open_clip", "timm", "faiss"):
        pytest.importorskip(package)
    module = bench(PARTS[name].module)
    setting = bench("gpu_parts").Setting("cpu", small=True, folder=tmp_path)
    try:
        rows = list(getattr(module, name)(setting))
    except bench("gpu_parts").Unavailable as error:
        pytest.skip(str(error))
    assert rows
    assert [(row.what, row.reason) for row in rows if row.outcome != "passed"] == []


def test_results_that_differ_or_are_no_numbers_do_not_pass() -> None:
    twins = bench("gpu_twins")
    setting = bench("gpu_parts").Setting("cpu", small=True, folder=Path())
    true = np.random.default_rng(0).normal(size=(40, 6))
    wrong = {
        "the largest difference is": true + 0.1,
        "3 of 240 numbers of the device are not finite": np.where(np.arange(240).reshape(40, 6) < 3, np.nan, true),
        "an array of (20, 6)": true[:20],
    }
    for reason, found in wrong.items():
        row = twins.compared(
            "", twins.Timed(true, 1.0), lambda f=found: f, setting, lambda a, b: twins.close(a, b, 0.01)
        )
        assert row.outcome == "failed"
        assert reason in row.reason


def test_a_twin_of_zeros_has_nothing_to_be_compared_with() -> None:
    twins, zeros = bench("gpu_twins"), np.zeros((4, 3))
    setting = bench("gpu_parts").Setting("cpu", small=True, folder=Path())
    with np.errstate(invalid="ignore"):
        row = twins.compared("", twins.Timed(zeros, 1.0), lambda: zeros, setting, lambda a, b: twins.close(a, b, 0.1))
    assert (row.outcome, row.reason) == ("failed", "the twin gave zeros, or what is not a number")


@pytest.mark.parametrize(("compare", "tolerance"), [("alike", 0.1), ("close", 0.1)])
def test_an_agreement_that_anything_would_reach_does_not_pass(compare: str, tolerance: float) -> None:
    twins = bench("gpu_twins")
    same = np.ones((8, 3))
    assert "says nothing" in getattr(twins, compare)(same, same, tolerance).reason
