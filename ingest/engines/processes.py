"""Several processes on this machine, each started fresh (spawn: no inherited threads, locks or CUDA contexts)."""

import multiprocessing
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from typing import Any

from ...core import signals
from ...core.errors import OvstoreError
from . import Outcome

_KILLED = "its worker process was killed (out of memory?)"
_NEVER_BEGAN = (
    "its worker process ended before it began: workers import the script that starts them, so a script calls this "
    "below `if __name__ == '__main__':`"
)


def run(task: Callable[[Any], Any], items: Iterable[Any], workers: int) -> Iterator[Outcome]:
    """`task`, items and results must pickle. A worker that is killed takes no item with it but its own."""
    left = deque(items)
    while left:
        # A broken pool fails all items in flight, not only that of the worker that died: each is tried again, alone.
        for item in (yield from _run_together(task, left, workers)):
            yield from _run_alone(task, item)


def _run_together(task: Callable[[Any], Any], left: deque[Any], workers: int) -> Generator[Outcome, None, list[Any]]:
    """Take items from `left` until none is left or a worker died; returns those in flight at its death."""
    with _pool(workers) as pool:
        item_of: dict[Future[Any], Any] = {}
        lost: list[Any] = []
        while True:
            while left and not lost and len(item_of) < workers:
                try:
                    item_of[pool.submit(task, left[0])] = left[0]
                    left.popleft()
                except BrokenProcessPool:
                    break  # those in flight, if any, will say so
            if not item_of:
                return lost
            for future in wait(item_of, return_when=FIRST_COMPLETED).done:
                item = item_of.pop(future)
                try:
                    yield Outcome(item, result=future.result())
                except BrokenProcessPool:
                    lost.append(item)
                except Exception as error:
                    yield Outcome(item, error=error)


def _run_alone(task: Callable[[Any], Any], item: Any) -> Iterator[Outcome]:
    begun = multiprocessing.get_context("spawn").Event()
    with _pool(1, begun) as pool:
        try:
            yield Outcome(item, result=pool.submit(task, item).result())
        except BrokenProcessPool:
            yield Outcome(item, error=OvstoreError(_KILLED if begun.is_set() else _NEVER_BEGAN))
        except Exception as error:
            yield Outcome(item, error=error)


def _begin(begun: Event | None) -> None:
    """In a new worker."""
    if begun is not None:
        begun.set()
    signals.raise_in_worker()


@contextmanager
def _pool(workers: int, begun: Event | None = None) -> Iterator[ProcessPoolExecutor]:
    """Processes that are told to stop when this one is, and close the jobs that they have in hand."""
    others = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(begun,)) as pool:
        try:
            yield pool
        except signals.Stopped:
            for worker in set(multiprocessing.active_children()) - others:
                worker.terminate()
            raise
