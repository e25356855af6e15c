"""Where scenes are worked on; one file each: in this process, in several, on a cluster. `Engine` is the contract."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from ...core.contracts import Contract


@dataclass(frozen=True)
class Outcome:
    """What became of one item: a result, or the error that ended it."""

    item: Any
    result: Any = None
    error: BaseException | None = None


class Engine(Protocol):
    """What every engine file defines."""

    def run(self, task: Callable[[Any], Any], items: Iterable[Any], workers: int) -> Iterator[Outcome]:
        """One Outcome per item in the order they finish. An error is an outcome; the others go on."""


CONTRACT = Contract("engine", Engine)
