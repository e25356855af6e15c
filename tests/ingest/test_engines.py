"""One promise, every engine: each item has one outcome, and an error is an outcome."""

import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ovstore.core import plugins
from ovstore.core.errors import BadScene

ENGINES = plugins.names("ingest.engines")


def halve(number: int) -> int:
    """Picklable by name: worker processes import this file."""
    if number % 2:
        raise BadScene(f"{number} is odd")
    return number // 2


def worker_unless_three(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()


def engine(name: str):  # type: ignore[no-untyped-def]
    if name == "ray" and importlib.util.find_spec("ray") is None:
        pytest.skip("the extra 'ray' is not installed")
    return plugins.load("ingest.engines", name)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("workers", [1, 2])
def test_every_item_has_one_outcome_and_errors_are_outcomes(name: str, workers: int) -> None:
    outcomes = {outcome.item: outcome for outcome in engine(name).run(halve, range(6), workers)}
    assert sorted(outcomes) == list(range(6))
    assert [outcomes[number].result for number in (0, 2, 4)] == [0, 1, 2]
    for number in (1, 3, 5):
        assert isinstance(outcomes[number].error, BadScene)
        assert str(outcomes[number].error) == f"{number} is odd"


@pytest.mark.parametrize("name", ENGINES)
def test_nothing_to_do_is_done(name: str) -> None:
    assert list(engine(name).run(halve, [], 2)) == []


def test_a_killed_worker_takes_no_other_item_with_it_and_the_rest_is_shared_again() -> None:
    outcomes = {outcome.item: outcome for outcome in engine("processes").run(worker_unless_three, range(12), 2)}
    assert sorted(outcomes) == list(range(12))
    assert [number for number, outcome in outcomes.items() if outcome.error] == [3]
    assert "killed" in str(outcomes[3].error)
    workers = {outcome.result for outcome in outcomes.values() if outcome.result}
    assert len(workers) <= 5  # two until the death, one for the other item in flight, two for the rest


def test_a_script_without_a_guard_is_told_to_have_one(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from ovstore.ingest.engines import processes\n"
        "for outcome in processes.run(abs, [-1], 2):\n    print(outcome.error or outcome.result)\n"
    )
    assert "below `if __name__ == '__main__':`" in _printed(script)
    lines = script.read_text().splitlines(keepends=True)
    script.write_text("".join([lines[0], "if __name__ == '__main__':\n", *(f"    {line}" for line in lines[1:])]))
    assert _printed(script) == "1\n"


def _printed(script: Path) -> str:
    return subprocess.run([sys.executable, script], capture_output=True, text=True, check=True).stdout
