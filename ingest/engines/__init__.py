"""Where scenes are worked on; one file each: in this process, in several, on a cluster.

An engine file defines

    run(task: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[Outcome]

which yields one Outcome per item in the order they finish. An error is an outcome; the others go on.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """What became of one item: a result, or the error that ended it."""

    item: Any
    result: Any = None
    error: BaseException | None = None
