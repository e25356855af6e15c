"""Several processes on this machine, each started fresh (spawn: no inherited threads, locks or CUDA contexts)."""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from ...store.errors import OvstoreError
from . import Outcome


def run(task: Callable[[Any], Any], items: Iterable[Any], workers: int) -> Iterator[Outcome]:
    """`task`, items and results must pickle. A worker that is killed takes only the items in flight with it."""
    lost: list[Any] = []
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        item_of = {pool.submit(task, item): item for item in items}
        for future in as_completed(item_of):
            try:
                yield Outcome(item_of[future], result=future.result())
            except BrokenProcessPool:
                lost.append(item_of[future])
            except Exception as error:
                yield Outcome(item_of[future], error=error)
    # A broken pool fails every unfinished item, not only the one whose worker died: each is tried once more, alone.
    for item in lost:
        yield from _run_alone(task, item)


def _run_alone(task: Callable[[Any], Any], item: Any) -> Iterator[Outcome]:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            yield Outcome(item, result=pool.submit(task, item).result())
        except BrokenProcessPool:
            yield Outcome(item, error=OvstoreError("its worker process was killed (out of memory?)"))
        except Exception as error:
            yield Outcome(item, error=error)
