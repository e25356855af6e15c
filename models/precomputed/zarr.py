"""Zarr arrays in folders, versions 2 and 3, uncompressed or by zlib, gzip, zstd or blosc; the package is not needed."""

import itertools
import json
import math
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
from numpy.typing import NDArray

from ...core.errors import BadInput
from ...core.listing import entries
from ...core.regular import require_file
from . import blosc

_MOST_JSON = 1 << 20
_MOST_OVERHEAD = 1 << 16  # bytes of a codec's headers, beside an eighth of what would not shrink
_CODECS = {"zlib": "zlib", "gzip": "zlib", "zstd": "zstd", "blosc": "blosc"}
_V3_DTYPES = {f"{kind}{bits}": f"{kind}{bits}" for kind in ("float", "int", "uint") for bits in (8, 16, 32, 64)}


@dataclass(frozen=True)
class _Layout:
    """What the JSON of an array says."""

    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: np.dtype[Any]
    order: tuple[int, ...]  # the axes of a stored chunk
    codec: str | None
    checksum: bool  # four bytes of CRC-32C behind the codec's
    prefix: str
    separator: str

    def __post_init__(self) -> None:
        if self.separator not in (".", "/"):  # anything else could lead out of the folder
            raise ValueError(f"the separator {self.separator!r}")

    def chunk_path(self, index: tuple[int, ...]) -> str:
        return self.prefix + self.separator.join(map(str, index))


def arrays(path: Path, most_bytes: int) -> dict[str, Callable[[], NDArray[Any]]]:
    """The array in the folder as "", or those of a group by their names."""
    if _is_array(path):
        return {"": lambda: _read(path, most_bytes)}
    members = [member for member in entries(path) if _is_array(member)]
    return {member.name: lambda member=member: _read(member, most_bytes) for member in members}  # type: ignore[misc]


def _is_array(path: Path) -> bool:
    if (path / ".zarray").is_file():
        return True
    return (path / "zarr.json").is_file() and _json(path / "zarr.json").get("node_type") == "array"


def _read(path: Path, most_bytes: int) -> NDArray[Any]:
    layout = _layout(path)
    size = math.prod(layout.shape) * layout.dtype.itemsize
    counts = [-(-length // chunk) for length, chunk in zip(layout.shape, layout.chunks, strict=True)]
    chunk_size = math.prod(layout.chunks) * layout.dtype.itemsize
    if not 0 < size <= most_bytes or chunk_size > most_bytes:
        raise BadInput(f"{path}: claims {size:,} bytes in chunks of {chunk_size:,}; 1 to {most_bytes:,} are read.")
    if missing := next((i for i in _indices(counts) if not (path / layout.chunk_path(i)).is_file()), None):
        raise BadInput(f"{path}: the chunk {layout.chunk_path(missing)} is missing; the array was not fully written.")
    found = np.empty(layout.shape, layout.dtype)
    for index in _indices(counts):
        place = tuple(
            slice(i * chunk, min((i + 1) * chunk, length))
            for i, chunk, length in zip(index, layout.chunks, layout.shape, strict=True)
        )
        inside = tuple(slice(0, part.stop - part.start) for part in place)
        found[place] = _chunk(path / layout.chunk_path(index), layout, chunk_size)[inside]
    return found


def _indices(counts: list[int]) -> Iterator[tuple[int, ...]]:
    return itertools.product(*(range(count) for count in counts))


def _chunk(path: Path, layout: _Layout, size: int) -> NDArray[Any]:
    try:
        if (held := require_file(path)) > size + size // 8 + _MOST_OVERHEAD:
            raise ValueError(f"{held:,} bytes for a chunk of {size:,}")
        data = path.read_bytes()
        if layout.checksum:
            data = data[:-4]
        if layout.codec == "blosc":
            data = blosc.decompress(data, size)
        elif layout.codec is not None:
            data = blosc.inflate(data, size, layout.codec)
        stored = np.frombuffer(data, layout.dtype).reshape([layout.chunks[axis] for axis in layout.order])
    except (OSError, ValueError, MemoryError, struct.error, zlib.error, pyarrow.ArrowException) as error:
        raise BadInput(f"{path}: a chunk that is damaged or of an unsupported kind: {error}") from error
    return stored.transpose(np.argsort(layout.order))


def _layout(path: Path) -> _Layout:
    try:
        if (path / ".zarray").is_file():
            return _version_2(_json(path / ".zarray"))
        return _version_3(_json(path / "zarr.json"))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInput(
            f"{path}: not a supported zarr array of version 2 or 3 ({error}); plain chunks were expected, "
            "uncompressed or with zlib, gzip, zstd or blosc."
        ) from error


def _version_2(content: dict[str, Any]) -> _Layout:
    shape, chunks = _lengths(content["shape"]), _lengths(content["chunks"])
    if content.get("filters"):
        raise ValueError("filters")
    compressor = content["compressor"]
    order = range(len(shape)) if content["order"] == "C" else reversed(range(len(shape)))
    return _Layout(
        shape, chunks, np.dtype(str(content["dtype"])), tuple(order),
        None if compressor is None else _CODECS[compressor["id"]], False, "", content.get("dimension_separator", "."),
    )  # fmt: skip


def _version_3(content: dict[str, Any]) -> _Layout:
    shape = _lengths(content["shape"])
    dtype = np.dtype(_V3_DTYPES[content["data_type"]])
    order, codec, checksum = tuple(range(len(shape))), None, False
    for step in content["codecs"]:
        name, settings = step["name"], step.get("configuration", {})
        if name == "transpose":
            order = _lengths(settings["order"], least=0)
        elif name == "bytes":
            dtype = dtype.newbyteorder(">" if settings.get("endian") == "big" else "<")
        elif name == "crc32c":
            checksum = True
        elif codec is None:
            codec = _CODECS[name]
        else:
            raise ValueError("two codecs")
    if sorted(order) != list(range(len(shape))) or content["chunk_grid"]["name"] != "regular":
        raise ValueError("an irregular grid")
    keys = content["chunk_key_encoding"]
    plain = keys["name"] == "v2"
    separator = keys.get("configuration", {}).get("separator", "." if plain else "/")
    chunks = _lengths(content["chunk_grid"]["configuration"]["chunk_shape"])
    return _Layout(shape, chunks, dtype, order, codec, checksum, "" if plain else f"c{separator}", separator)


def _lengths(values: Any, least: int = 1) -> tuple[int, ...]:
    if not isinstance(values, list) or not values or not all(type(value) is int and value >= least for value in values):
        raise ValueError(f"{values} are not lengths")
    return tuple(values)


def _json(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MOST_JSON:
            raise ValueError("too long")
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"{path}: not the JSON of a zarr array: {error}") from error
    if not isinstance(content, dict):
        raise BadInput(f"{path}: not the JSON of a zarr array.")
    return content
