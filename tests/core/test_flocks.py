"""Locks end with their holder, and who waits for one is told why."""

import os
import time
from pathlib import Path

import pytest
from ovstore.core import file_locks


def test_a_lock_ends_with_the_process_that_held_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    ready, said = os.pipe()
    holder = os.fork()
    if holder == 0:
        assert file_locks.take(file_locks.opened(path))
        os.write(said, b"x")
        time.sleep(60)
        os._exit(0)
    os.read(ready, 1)
    assert not file_locks.is_free(path)
    os.kill(holder, 9)
    os.waitpid(holder, 0)
    assert file_locks.is_free(path)


def test_many_share_what_none_may_have_alone(tmp_path: Path) -> None:
    one, other = (file_locks.opened(tmp_path / "lock") for _ in range(2))
    assert file_locks.take(one, shared=True)
    assert file_locks.take(other, shared=True)
    assert not file_locks.take(one)
    os.close(other)
    assert file_locks.take(one)
    os.close(one)


def test_who_waits_is_told_why(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    clock = iter(range(100))
    monkeypatch.setattr(file_locks.time, "monotonic", lambda: float(next(clock)))
    monkeypatch.setattr(file_locks.time, "sleep", lambda _: None)
    answers = iter([False] * 20 + [True])
    file_locks.wait(lambda: next(answers), "the database replays its journal")
    assert [record.getMessage() for record in caplog.records] == [
        "Waiting (3 s): the database replays its journal.",
        "Waiting (14 s): the database replays its journal.",
    ]
