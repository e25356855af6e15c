"""Arrays of numbers in files that other tools wrote: .npy, .npz, .pt, .pth, .safetensors, .zarr.

Nothing is unpickled, what a header claims is held against the file before memory is taken, and .npy stays on disk until
its parts are asked for.
"""

import math
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core import plugins
from ...core.arrays import READING, map_npy, require_numbers, unreadable
from ...core.budget import Budget
from ...core.errors import BadInput
from . import zarr

MAX_BYTES = 8 << 30  # of one array; a 1920x1280 picture with 768 halves a pixel is 3.8 GB
SUFFIXES = (".npy", ".npz", ".pt", ".pth", ".safetensors", ".zarr")

_READING = (*READING, MemoryError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError)


def arrays(path: Path) -> dict[str, Callable[[], NDArray[Any]]]:
    """What the file holds by name ("" for an array that has none, "0", "1" in a list), each read when it is called."""
    suffix = path.suffix.lower()
    if suffix == ".npy":
        return {"": lambda: require_numbers(path, map_npy(path), empty=False)}
    if suffix == ".npz":
        return _members(path)
    if suffix == ".zarr":
        return zarr.arrays(path, MAX_BYTES)
    try:
        tensors = import_module(".tensors", __package__)
    except ModuleNotFoundError as error:
        plugins.raise_missing_package(f"maps in {suffix}", error)
    found: dict[str, Callable[[], NDArray[Any]]] = tensors.arrays(path)
    return found


def array(path: Path, key: str = "", usual: str = "") -> NDArray[Any]:
    """The array called `key`; without a key the only one, or the `usual`. BadInput says what there is."""
    found = arrays(path)
    if not key and usual in found:
        key = usual
    if not key and len(found) == 1:
        [key] = found
    if key not in found:
        held = f"{path}: holds {', '.join(sorted(found)) or 'no arrays'}"
        raise BadInput(
            f"{held}, but no {key!r}." if key else f"{held}; choose one with --key." if found else f"{held}."
        )
    return found[key]()


def _members(path: Path) -> dict[str, Callable[[], NDArray[Any]]]:
    budget = Budget(path)
    try:
        with zipfile.ZipFile(path) as archive:
            infos = [info for info in archive.infolist() if info.filename.endswith(".npy")]
    except _READING as error:
        raise unreadable(path, error) from error
    return {info.filename.removesuffix(".npy"): lambda info=info: _member(path, info, budget) for info in infos}  # type: ignore[misc]


def _member(path: Path, info: zipfile.ZipInfo, budget: Budget) -> NDArray[Any]:
    try:
        with zipfile.ZipFile(path) as archive:
            budget.take_bytes(_header(path, archive, info).size, info.filename)
            with archive.open(info) as file:
                return require_numbers(path, np.lib.format.read_array(file, allow_pickle=False), empty=False)
    except _READING as error:
        raise unreadable(path, error) from error


@dataclass(frozen=True)
class Member:
    """An array of a .npz by its header; its first axis is read plane by plane, so that one is in memory."""

    path: Path
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    columns_first: bool
    start: int  # bytes of the header

    @property
    def size(self) -> int:
        """Bytes, the header's too."""
        return self.start + math.prod(self.shape) * self.dtype.itemsize

    def planes(self, at_once: int = 0) -> Iterator[NDArray[Any]]:
        """Each `array[i]`, in order; or `array[i : i + at_once]`."""
        if self.columns_first:
            raise BadInput(f"{self.path}: {self.name} is in Fortran order; save it with np.ascontiguousarray.")
        budget = Budget(self.path)
        length = math.prod(self.shape[1:]) * self.dtype.itemsize
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(f"{self.name}.npy") as file:
                file.read(self.start)
                for first in range(0, self.shape[0], max(at_once, 1)):
                    budget.take_items()
                    rows = (min(at_once, self.shape[0] - first),) if at_once else ()
                    content = file.read(length * math.prod(rows))
                    yield np.frombuffer(content, self.dtype).reshape(rows + self.shape[1:])
        except _READING as error:
            raise unreadable(self.path, error) from error


def members(path: Path) -> dict[str, Member]:
    """The arrays of numbers in a .npz, by name; only their headers are read."""
    try:
        with zipfile.ZipFile(path) as archive:
            infos = [info for info in archive.infolist() if info.filename.endswith(".npy")]
            found = [_header(path, archive, info) for info in infos]
    except _READING as error:
        raise unreadable(path, error) from error
    return {one.name: one for one in found if one.dtype.kind in "fiub"}


def _header(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    with archive.open(info) as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, columns_first, dtype = read(file)
        found = Member(path, info.filename.removesuffix(".npy"), shape, dtype, columns_first, file.tell())
    if not dtype.hasobject and (found.size != info.file_size or found.size > MAX_BYTES):  # NumPy refuses pickles
        raise BadInput(
            f"{path}: {info.filename} claims {found.size:,} bytes for {shape}; it has {info.file_size:,}, and at most "
            f"{MAX_BYTES:,} are read."
        )
    return found
