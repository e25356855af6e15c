"""Digests of bytes, one a block: all of them tell whether a file is what was written, a sample of them tells it soon.

A sample reads at most SAMPLE_BYTES, about 30 ms; a file no longer than that is read whole. Rot of one block in a longer
file is noticed with the share of the file that was read, and for certain where `ovstore doctor --contents` reads all.
"""

import random
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

BLOCK_BYTES = 1 << 20
SAMPLE_BYTES = 32 << 20


def of_bytes(data: NDArray[np.uint8], block_bytes: int = BLOCK_BYTES) -> list[str]:
    """One digest a block of (n,) bytes, the last block as long as it is: CRC-32, which finds every flipped bit."""
    return [_digest(data[start : start + block_bytes]) for start in range(0, len(data), block_bytes)]


def of_file(path: Path, block_bytes: int = BLOCK_BYTES) -> list[str]:
    """Those of a whole file."""
    return of_bytes(mapped(path), block_bytes)


def mapped(path: Path) -> NDArray[np.uint8]:
    """The bytes of a file, read when they are touched."""
    if path.stat().st_size == 0:
        return np.empty(0, np.uint8)
    return np.asarray(np.memmap(path, np.uint8, mode="r"))


def hold(
    parts: Sequence[tuple[NDArray[np.uint8], Sequence[str]]],
    whole: bool,
    block_bytes: int = BLOCK_BYTES,
    sample_bytes: int | None = None,
) -> bool:
    """Whether each part still is what its digests say; unless `whole`, a sample of the blocks is taken.

    `sample_bytes` None: SAMPLE_BYTES.
    """
    if any(len(digests) != -(-len(data) // block_bytes) for data, digests in parts):
        return False
    blocks = [(part, number) for part, (_, digests) in enumerate(parts) for number in range(len(digests))]
    if not whole:
        random.shuffle(blocks)  # another sample at each opening
    budget = SAMPLE_BYTES if sample_bytes is None else sample_bytes
    for part, number in blocks:
        data, digests = parts[part]
        block = data[number * block_bytes : (number + 1) * block_bytes]
        budget -= len(block)
        if not whole and budget < 0:
            return True
        if _digest(block) != digests[number]:
            return False
    return True


def _digest(block: NDArray[np.uint8]) -> str:
    return f"{zlib.crc32(block.data):08x}"
