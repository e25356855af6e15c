"""A training that is interrupted, killed or stopped goes on to the numbers of one that was left alone."""

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import small_training
import torch
from ovstore.core.errors import Interrupted
from ovstore.models.safe_load import sha256_of
from ovstore.models.training.progress import Progress
from small_training import events_of, run, started, steps_of
from torch import nn

CHANGES = {"epochs": 4, "batch_size": 1, "accumulate": 2, "precision": "float16"}  # 5 rooms: 3 steps an epoch
LAST, BEST = "model_last.pth.tar", "model_best.pth.tar"


def validate(network: nn.Module, epoch: int) -> dict[str, float]:
    """Figures that depend on the weights."""
    seen = network(next(small_training.batch()).tensor()).features
    return {"mIoU": float(seen.mean()), "loss": float(seen.std())}


def go(folder: Path, kind: str = "dropout", **arguments: object) -> str:
    """The digest of the last checkpoint."""
    return run(folder, kind, rooms=5, changes=CHANGES, validate=validate, validate_every=2, **arguments).sha256


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    go(folder)
    return folder


def assert_same(folder: Path, undisturbed: Path) -> None:
    for name in (LAST, BEST, "training.json"):
        assert sha256_of(folder / name) == sha256_of(undisturbed / name), name
    assert events_of(folder) == events_of(undisturbed)
    assert steps_of(folder) == list(range(1, 13))
    assert not list(folder.glob(".*.part"))


def signal_at(step: int, number: int = signal.SIGINT) -> Callable[[Progress], None]:
    def report(progress: Progress) -> None:
        if progress.step == step:
            os.kill(os.getpid(), number)

    return report


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_says_how_to_go_on(tmp_path: Path, undisturbed: Path, number: int) -> None:
    before = signal.getsignal(number)
    for step, last in ((1, 2), (3, 3), (5, 6), (11, 12)):  # the step under way is finished; 3, 6 and 12 end an epoch
        with pytest.raises(Interrupted) as caught:
            go(tmp_path, resume=True, report=signal_at(step, number))
        assert str(caught.value) == (
            f"Stopped by {signal.Signals(number).name} after step {last} of 12, saved in {tmp_path / LAST}. The "
            "same command with --resume continues."
        )
    assert signal.getsignal(number) == before
    go(tmp_path, resume=True)
    assert_same(tmp_path, undisturbed)


@pytest.mark.parametrize("torn", [b"half an eve", bytes(40), b"\x04" + bytes(11) + b"\xff" * 8])
def test_what_came_after_the_last_checkpoint_is_taken_back(tmp_path: Path, undisturbed: Path, torn: bytes) -> None:
    def fail(progress: Progress) -> None:
        if progress.step == 5:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        go(tmp_path, save_steps=4, report=fail)
    assert steps_of(tmp_path) == [1, 2, 3, 4, 5]
    with (next(tmp_path.glob("events*"))).open("ab") as file:
        file.write(torn)
    said: list[int] = []
    go(tmp_path, resume=True, report=lambda progress: said.append(progress.step))
    assert said == list(range(5, 13))
    assert_same(tmp_path, undisturbed)


@pytest.mark.slow
def test_a_checkpoint_always_has_its_training_json(tmp_path: Path) -> None:
    """A kill may come between any two files that get their names."""
    killed = [started(tmp_path / f"{n}", last_rename=n, changes={"epochs": 1}) for n in range(1, 5)]
    for process in killed:
        process.join(120)
    left = [{path.name for path in (tmp_path / f"{n}").iterdir()} for n in range(1, 5)]
    assert [process.exitcode for process in killed] == [-signal.SIGKILL] * 4
    assert [len(names & {BEST, LAST}) for names in left] == [0, 0, 1, 2]
    assert all("training.json" in names for names in left if names & {BEST, LAST})


def test_a_finished_training_is_not_trained_on(undisturbed: Path) -> None:
    """Its training.json is put right where the last one was not written any more."""
    before = (undisturbed / LAST).stat().st_mtime_ns
    told = undisturbed / "training.json"
    right = told.read_text()
    told.write_text(right.replace('"step": 12', '"step": 11'))
    said: list[Progress] = []
    assert go(undisturbed, resume=True, report=said.append) == sha256_of(undisturbed / LAST)
    assert not said and (undisturbed / LAST).stat().st_mtime_ns == before
    assert told.read_text() == right
    assert_same(undisturbed, undisturbed)


def test_batch_norm_momentum_and_warmup_resume(tmp_path: Path) -> None:
    changes = {"optimizer": "sgd", "momentum": 0.9, "weight_decay": 1e-4, "warmup_steps": 3, "first_step_lr": 1e-3}
    left_alone = run(tmp_path / "left_alone", "tiny", changes=changes).sha256
    with pytest.raises(Interrupted):
        run(tmp_path / "stopped", "tiny", changes=changes, report=signal_at(2))
    assert run(tmp_path / "stopped", "tiny", changes=changes, resume=True).sha256 == left_alone


@pytest.mark.slow
def test_killed_at_any_moment(tmp_path: Path) -> None:
    """Once while a checkpoint is written, once wherever it happens to be."""
    changes = {"epochs": 30}
    left_alone = run(tmp_path / "left_alone", "dropout", changes=changes).sha256
    folder = tmp_path / "killed"
    arguments = {"kind": "dropout", "changes": changes, "save_steps": 1, "resume": True}
    writing = started(folder, last_rename=random.randint(5, 30), **arguments)
    writing.join(120)
    anywhere = started(folder, **arguments)
    time.sleep(random.uniform(0.02, 0.3))
    anywhere.kill()
    anywhere.join()
    assert [writing.exitcode, anywhere.exitcode] == [-signal.SIGKILL, -signal.SIGKILL]
    assert run(folder, "dropout", changes=changes, resume=True).sha256 == left_alone
    assert steps_of(folder) == list(range(1, 61))
