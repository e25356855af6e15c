"""Blosc 1 chunks, as zarr writes them: blocks of bytes, shuffled by significance, compressed by one of several codecs.

The container is that of c-blosc's README_CHUNK_FORMAT.rst. Codecs are LZ4, zlib and zstd; BloscLZ, Snappy and bit
shuffling are refused.
"""

import struct
import zlib

import numpy as np
import pyarrow

_SHUFFLED, _STORED, _BIT_SHUFFLED, _UNSPLIT = 1, 2, 4, 16
_CODECS = {1: "lz4_raw", 3: "zlib", 4: "zstd"}
_MOST_SPLITS, _SMALLEST_SPLIT = 16, 128


def decompress(data: bytes, size: int) -> bytes:
    """The `size` bytes that the chunk holds; ValueError for one that is damaged, of another size or another codec."""
    if len(data) < 16:
        raise ValueError("a blosc chunk has a header of 16 bytes")
    flags, typesize, found, block, _ = struct.unpack_from("<BBIII", data, 2)
    if found != size:
        raise ValueError(f"a blosc chunk of {found:,} bytes; {size:,} were expected")
    if flags & _STORED:
        if len(data) < 16 + size:
            raise ValueError("a truncated blosc chunk")
        return data[16 : 16 + size]
    if flags & _BIT_SHUFFLED or flags >> 5 not in _CODECS or not 0 < block <= size or typesize == 0:
        raise ValueError("a blosc chunk that is not LZ4, zlib or zstd with bytes shuffled or unshuffled")
    starts = struct.unpack_from(f"<{-(-size // block)}I", data, 16)
    parts = []
    for number, start in enumerate(starts):
        length = min(block, size - number * block)
        whole = length == block and not flags & _UNSPLIT
        split = whole and typesize <= _MOST_SPLITS and block // typesize >= _SMALLEST_SPLIT
        raw = _block(data, start, length, typesize if split else 1, _CODECS[flags >> 5])
        parts.append(_unshuffled(raw, typesize) if flags & _SHUFFLED and typesize > 1 else raw)
    return b"".join(parts)


def _block(data: bytes, start: int, length: int, splits: int, codec: str) -> bytes:
    """Its parts, each after its own compressed length; one that would not shrink is stored."""
    parts = []
    for _ in range(splits):
        [compressed] = struct.unpack_from("<i", data, start)
        part = data[start + 4 : start + 4 + compressed]
        if compressed < 0 or len(part) != compressed:
            raise ValueError("a truncated blosc chunk")
        parts.append(part if compressed == length // splits else inflate(part, length // splits, codec))
        start += 4 + compressed
    return b"".join(parts)


def inflate(data: bytes, size: int, codec: str) -> bytes:
    """The `size` bytes that a codec of _CODECS has compressed."""
    if codec == "zlib":
        stream = zlib.decompressobj(wbits=47)  # zlib's or gzip's header
        found = stream.decompress(data, size + 1)
    else:
        found = pyarrow.Codec(codec).decompress(data, size, asbytes=True)
    if len(found) != size:
        raise ValueError(f"{len(found):,} bytes were decompressed; {size:,} were expected")
    return found


def _unshuffled(data: bytes, typesize: int) -> bytes:
    """Elements from their first bytes, then their second bytes, and so on; a rest at the end is as it was."""
    whole = len(data) // typesize * typesize
    elements = np.frombuffer(data, np.uint8, whole).reshape(typesize, -1).T
    return elements.tobytes() + data[whole:]
