"""One item after the other, in this process."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from . import Outcome


def run(task: Callable[[Any], Any], items: Iterable[Any], workers: int = 1) -> Iterator[Outcome]:
    """`workers` is ignored: there is one."""
    for item in items:
        try:
            yield Outcome(item, result=task(item))
        except Exception as error:
            yield Outcome(item, error=error)
