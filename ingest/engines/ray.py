"""A Ray cluster (RAY_ADDRESS, or one started on this machine); the store's folder must be reachable from every node."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import ray

from . import Outcome


def run(task: Callable[[Any], Any], items: Iterable[Any], workers: int) -> Iterator[Outcome]:
    """`workers` caps how many items are in flight; Ray itself retries items whose node is lost."""
    started_here = not ray.is_initialized()
    if started_here:
        ray.init(log_to_driver=False)
    try:
        remote = ray.remote(task)
        waiting = iter(items)
        item_of: dict[Any, Any] = {}
        while True:
            for item in waiting:
                item_of[remote.remote(item)] = item
                if len(item_of) >= workers:
                    break
            if not item_of:
                return
            [done], _ = ray.wait(list(item_of), num_returns=1)
            item = item_of.pop(done)
            try:
                yield Outcome(item, result=ray.get(done))
            except ray.exceptions.RayTaskError as error:
                yield Outcome(item, error=error.cause)
            except ray.exceptions.RayError as error:
                yield Outcome(item, error=error)
    finally:
        if started_here:
            ray.shutdown()
