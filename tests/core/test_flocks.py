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


def test_who_waits_is_told_why_and_again_while_it_lasts(caplog: pytest.LogCaptureFixture) -> None:
    began, told_at = time.monotonic(), []

    def ready() -> bool:
        if len(caplog.records) > len(told_at):
            told_at.append(time.monotonic() - began)
        return len(told_at) == 3

    file_locks.wait(ready, "the database replays its journal", say_after=0.1, say_every=0.3)
    assert {record.getMessage() for record in caplog.records} <= {
        f"Waiting ({seconds} s): the database replays its journal." for seconds in range(9)
    }
    first, second, third = told_at
    assert first >= 0.1 and second >= 0.4 and third >= 0.7


def test_who_need_not_wait_is_told_nothing(caplog: pytest.LogCaptureFixture) -> None:
    file_locks.wait(lambda: True, "nothing", say_after=0)
    assert not caplog.records
