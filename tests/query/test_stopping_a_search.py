"""A search that nobody waits for any more ends at its next step."""

from collections.abc import Callable

import coloured_scenes
import pytest
from ovstore.core.cancelling import step
from ovstore.core.errors import Cancelled
from ovstore.query.relations import Near
from ovstore.query.search import search
from ovstore.store.postgres.database import Database


@pytest.fixture(scope="module")
def coloured(shared_store: Database) -> Database:
    coloured_scenes.publish(shared_store, "hall", 0)
    coloured_scenes.publish(shared_store, "room", 1, rare=True)
    return shared_store


def after(steps: int) -> tuple[Callable[[], bool], list[int]]:
    """Says yes from so many questions on, and notes them."""
    asked: list[int] = []

    def cancelled() -> bool:
        asked.append(len(asked))
        return len(asked) > steps

    return cancelled, asked


@pytest.mark.parametrize("question", [{}, {"ungrouped": True}, {"relations": [Near("blue")]}])
def test_it_ends_at_whatever_step_it_is(coloured: Database, question: dict[str, object]) -> None:
    never, asked = after(1000)
    answer = search(coloured, "red", cancelled=never, **question)
    assert answer == search(coloured, "red", **question)
    assert len(asked) >= 3  # after the words, before the scan, before hits are loaded
    for steps in range(len(asked)):
        cancelled, told = after(steps)
        with pytest.raises(Cancelled, match="not wanted any more"):
            search(coloured, "red", cancelled=cancelled, **question)
        assert len(told) == steps + 1  # nothing is done after it was said


def test_what_was_stopped_does_not_stop_what_comes_after(coloured: Database) -> None:
    with pytest.raises(Cancelled):
        search(coloured, "red", cancelled=lambda: True)
    step()
    assert search(coloured, "red")
