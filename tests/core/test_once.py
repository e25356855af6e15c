"""What is dear to make is made once, whoever asks; its state is told without waiting."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from ovstore.core.once import Once


def test_many_threads_get_one_value() -> None:
    made: list[str] = []
    begun, go_on = threading.Event(), threading.Event()

    def make(key: str) -> list[str]:
        made.append(key)
        begun.set()
        assert go_on.wait(10)
        return [key]

    once = Once(make, 2)
    assert once.state("a") == "cold"
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(once, "a") for _ in range(8)]
        assert begun.wait(10) and once.state("a") == "warming" and once.state("b") == "cold"
        go_on.set()
        values = [each.result() for each in asked]
    assert made == ["a"] and all(value is values[0] for value in values)
    assert once.state("a") == "ready"


def test_another_key_does_not_wait() -> None:
    go_on = threading.Event()
    once = Once(lambda key: go_on.wait(10) if key == "slow" else key, 2)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(once, "slow")
        assert once("quick") == "quick"
        go_on.set()
        assert slow.result() is True


def test_an_error_is_told_and_the_next_tries_again() -> None:
    errors = [ValueError("first")]

    def make(key: str) -> str:
        if errors:
            raise errors.pop()
        return key

    once = Once(make, 2)
    with pytest.raises(ValueError, match="first"):
        once("a")
    assert once.state("a") == "cold" and once("a") == "a"


def test_the_one_used_least_recently_goes() -> None:
    made: list[str] = []
    once = Once(lambda key: made.append(key), 2)
    for key in ("a", "b", "a", "c", "a", "b"):
        once(key)
    assert made == ["a", "b", "c", "b"] and [once.state(key) for key in "abc"] == ["ready", "ready", "cold"]
