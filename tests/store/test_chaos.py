"""The reliability harness for some seconds: see bench/chaos.py, and docs/reliability.md for longer runs."""

import subprocess
import sys
from pathlib import Path

import pytest

CHAOS = Path(__file__).parents[2] / "bench" / "chaos.py"


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0])
def test_nothing_is_lost_and_nothing_answers_wrongly_for_half_a_minute(seed: int, quick_folder: Path) -> None:
    folder = quick_folder / "chaos"
    folder.mkdir()
    kinds = "ingest,index,forget,upgrade,server,supervisor"  # a training takes longer than this test may
    command = [sys.executable, CHAOS, "--minutes", "0.4", "--seed", str(seed), "--kinds", kinds, "--folder", folder]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| all |" in done.stdout


def test_a_kind_that_does_not_exist_is_refused() -> None:
    done = subprocess.run([sys.executable, CHAOS, "--kinds", "ingets"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "--kinds: no 'ingets'; there are ingest, distill" in done.stderr
