"""Memory that training keeps."""

import resource
from multiprocessing.queues import SimpleQueue

import pytest
import small_training
import torch
from ovstore.models.training.memory import keep_freed_memory


def pages_of_rounds(rounds: int) -> int:
    """Pages that the system gave for so many rounds of two arrays of 64 MB."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(rounds):
        one = torch.ones(1 << 24)
        other = one * 2
        del one, other
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def tell(said: "SimpleQueue[tuple[bool, int]]") -> None:
    torch.set_num_threads(1)
    said.put((keep_freed_memory(), min(pages_of_rounds(3) for _ in range(6))))


def test_rounds_of_equal_arrays_soon_ask_the_system_for_nothing() -> None:
    said: SimpleQueue[tuple[bool, int]] = small_training.CONTEXT.SimpleQueue()
    process = small_training.process_of(tell, said)
    process.join(60)
    assert process.exitcode == 0
    kept, new_pages = said.get()
    if not kept:
        pytest.skip("another C library than glibc")
    assert new_pages < 1000  # of 98,304 of 4 KB
