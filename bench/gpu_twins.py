"""The tools of a part: time a run, compare what it gave with what its twin on the CPU gave."""

import math
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from gpu_parts import Setting
from gpu_rows import Agreement, Row
from numpy.typing import NDArray

T = TypeVar("T")
RUNS, ENOUGH_SECONDS = 3, 2.0  # after either, a run is not repeated


class Incomparable(Exception):
    """The device's result is of another shape than its twin's, or holds something that is no number."""


@dataclass(frozen=True)
class Timed:
    """What a run gave, and how long the quickest took."""

    result: Any
    ms: float


def quickest(run: Callable[[], Any], setting: Setting, device: str = "cpu") -> Timed:
    """The last of some runs, or of a single one where sizes are small, and the time of the quickest."""
    taken: list[float] = []
    while not taken or (not setting.small and len(taken) < RUNS and sum(taken) < ENOUGH_SECONDS):
        started = time.perf_counter()
        result = run()
        if device == "cuda":
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - started)
    return Timed(result, min(taken) * 1e3)


def compared(
    what: str, twin: Timed, run: Callable[[], Any], setting: Setting, agree: Callable[[Any, Any], Agreement]
) -> Row:
    """The row of `run` on the device beside its twin; `agree` is given what it gave, and what the twin gave."""
    cuda = setting.device == "cuda"
    if cuda:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    ours = quickest(run, setting, setting.device)
    peak = torch.cuda.max_memory_allocated() / 2**20 if cuda else _process_peak_mb()
    try:
        agreement = agree(ours.result, twin.result)
        if not math.isfinite(agreement.found + agreement.unrelated):
            raise Incomparable("the twin gave zeros, or what is not a number")
    except Incomparable as error:
        return Row(what, "failed", str(error), None, twin.ms, ours.ms, peak)
    reason = agreement.reason
    return Row(what, "failed" if reason else "passed", reason, agreement, twin.ms, ours.ms, peak)


def alike(found: NDArray[Any], twin: NDArray[Any], share: float) -> Agreement:
    """Rows (n, C) point the same way: the least cosine of all rows.

    It may lie `share` of the way from 1 to the cosine of unrelated rows of the twin: what a cosine of 0.99 means
    depends on how much all vectors of a network are alike.
    """
    a, b = _unit(_checked(found, twin)), _unit(twin)
    unrelated = float(np.median(np.einsum("nc,nc->n", b, np.roll(b, len(b) // 2, axis=0))))
    cosine = float(np.einsum("nc,nc->n", a, b).min())
    return Agreement("least cosine", cosine, 1 - share * (1 - unrelated), unrelated)


def close(found: NDArray[Any], twin: NDArray[Any], most: float) -> Agreement:
    """Numbers are the same: the largest difference, as a share of the twin's largest number."""
    a, b = _checked(found, twin).astype(np.float64).ravel(), np.asarray(twin, np.float64).ravel()
    largest = np.abs(b).max()
    difference, unrelated = (float(np.abs(values - b).max() / largest) for values in (a, np.roll(b, 1)))
    return Agreement("largest difference", difference, most, unrelated)


def closest(found: Sequence[NDArray[Any]], twin: Sequence[NDArray[Any]], most: float) -> Agreement:
    """`close` for each of several arrays, by the one that differs most."""
    each = [close(a, b, most) for a, b in zip(found, twin, strict=True)]
    difference, unrelated = max(one.found for one in each), min(one.unrelated for one in each)
    return Agreement("largest difference", difference, most, unrelated)


def all_alike(found: Sequence[NDArray[Any]], twin: Sequence[NDArray[Any]], least: float) -> Agreement:
    """Each of several arrays points the same way as one long vector: the least cosine. Moved numbers are unrelated."""
    cosines, unrelated = [], []
    for a, b in zip(found, twin, strict=True):
        one, other = (_unit(values.reshape(1, -1))[0] for values in (_checked(a, b), b))
        cosines.append(float(one @ other))
        unrelated.append(float(other @ np.roll(other, len(other) // 2)))
    return Agreement("least cosine", min(cosines), least, float(np.median(unrelated)))


def _checked(found: NDArray[Any], twin: NDArray[Any]) -> NDArray[Any]:
    if found.shape != twin.shape:
        raise Incomparable(f"the device gave an array of {found.shape}, its twin one of {twin.shape}")
    if bad := int((~np.isfinite(found)).sum()):
        raise Incomparable(f"{bad:,} of {found.size:,} numbers of the device are not finite")
    return found


def _unit(rows: NDArray[Any]) -> NDArray[np.float64]:
    rows = np.asarray(rows, np.float64)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _process_peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
