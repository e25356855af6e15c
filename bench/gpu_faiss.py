"""The GPU check's part for FAISS: the store's index built and searched on the device, and all rows compared there."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import faiss
import numpy as np
from gpu_parts import Setting, Unavailable
from gpu_rows import Agreement, Row
from gpu_twins import close, compared, quickest
from numpy.typing import NDArray
from ovstore.store.search.indexes.faiss import untrained

FOUND = 10  # nearest rows that are looked for
RECALL_LOST = 0.02
VISITED = 8  # lists, by each search


def faiss_index(setting: Setting) -> Iterator[Row]:
    """The store's index built on the device and brought back, one searched there, and all rows compared there."""
    cuda = setting.device == "cuda"
    if cuda and not faiss.get_num_gpus():
        raise Unavailable("the FAISS here has no CUDA: pip install 'ovstore[faiss-gpu]' in place of faiss-cpu")
    vectors, queries = _clustered(*setting.size((300_000, 512), (4_000, 16)))
    scores = queries @ vectors.T
    nearest = np.argsort(-scores, axis=1, kind="stable")[:, :FOUND]
    agree = partial(_recall_lost, nearest=nearest)

    here = _built("cpu", vectors)
    twin = quickest(lambda: _search(_built("cpu", vectors), queries)[1], setting)
    row = compared("built", twin, lambda: _search(_built(setting.device, vectors), queries)[1], setting, agree)
    yield _unseen(row, setting)
    there = _moved(here, setting.device)
    twin = quickest(lambda: _search(here, queries)[1], setting)
    row = compared("searched", twin, lambda: _search(there, queries)[1], setting, agree)
    yield _unseen(row, setting)
    twin = quickest(lambda: -np.sort(-(queries @ vectors.T), axis=1)[:, :FOUND], setting)
    flat = _moved(faiss.IndexFlatIP(vectors.shape[1]), setting.device)
    flat.add(vectors)
    exact = partial(close, most=1e-3)
    row = compared("all rows compared", twin, lambda: flat.search(queries, FOUND)[0], setting, exact)
    yield _unseen(row, setting)


def _unseen(row: Row, setting: Setting) -> Row:
    """Without the peak: torch does not see what FAISS takes on CUDA."""
    return replace(row, peak_mb=None) if setting.device == "cuda" else row


def _built(device: str, vectors: NDArray[np.float32]) -> Any:
    """An index in memory that was trained and filled on the device."""
    index = _moved(untrained(vectors.shape[1], len(vectors)), device)
    index.train(vectors)
    index.add_with_ids(vectors, np.arange(len(vectors)))
    return faiss.index_gpu_to_cpu(index) if device == "cuda" else index


def _moved(index: Any, device: str) -> Any:
    return faiss.index_cpu_to_gpu(faiss.StandardGpuResources(), 0, index) if device == "cuda" else index


def _search(index: Any, queries: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    index.nprobe = VISITED
    found: tuple[NDArray[np.float32], NDArray[np.int64]] = index.search(queries, FOUND)
    return found


def _recall_lost(found: NDArray[np.int64], twin: NDArray[np.int64], nearest: NDArray[np.int64]) -> Agreement:
    """How much less of the nearest rows is found than by the twin."""
    ours, theirs, unrelated = (_recall(ids, nearest) for ids in (found, twin, np.roll(twin, 1, axis=0)))
    return Agreement("recall lost", theirs - ours, RECALL_LOST, theirs - unrelated)


def _recall(found: NDArray[np.int64], nearest: NDArray[np.int64]) -> float:
    shared = [len(np.intersect1d(a, b)) for a, b in zip(found, nearest, strict=True)]
    return sum(shared) / nearest.size


def _clustered(rows: int, dim: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Unit vectors around a hundredth as many centres, and fifty that lie near some of them."""
    drawn = np.random.default_rng(0)
    centres = drawn.standard_normal((rows // 100, dim), np.float32)
    near = [centres[drawn.integers(len(centres), size=n)] + 0.5 * drawn.standard_normal((n, dim), np.float32)
            for n in (rows, 50)]  # fmt: skip
    vectors, queries = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in near)
    return vectors, queries
