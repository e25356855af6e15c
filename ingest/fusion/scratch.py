"""Room for large arrays: in memory while it lasts, in temporary files beyond."""

import mmap
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ...core.errors import BadInput


@dataclass
class Scratch:
    """Hands out arrays until `free` bytes are spent, then arrays that are files without a name in `folder`."""

    free: int
    folder: Path | None = None  # None: where temporary files go

    def array(self, shape: tuple[int, ...], dtype: DTypeLike) -> "Room":
        """An array of unspecified content."""
        size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        if size <= self.free or size == 0:
            self.free -= size
            return Room(np.empty(shape, dtype))
        try:
            file = tempfile.TemporaryFile(dir=self.folder)  # noqa: SIM115 - it lives as long as the room
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)  # a full disk is an error here, a dead process later
            else:
                file.truncate(size)
            pages = mmap.mmap(file.fileno(), size)
        except OSError as error:
            where = self.folder or tempfile.gettempdir()
            raise BadInput(
                f"No room for {size / 2**20:.0f} MB of feature maps in {where} ({error.strerror}): "
                "allow more memory, or name a folder with more space."
            ) from error
        return Room(np.frombuffer(pages, dtype).reshape(shape), file, pages)


@dataclass(frozen=True)
class Room:
    """An array, and the file behind it where there is one."""

    array: NDArray[Any]
    file: IO[bytes] | None = None
    pages: mmap.mmap | None = None

    def write(self, start: int, rows: NDArray[Any]) -> None:
        """Rows of the array from `start` on; a file is written without holding its pages."""
        if self.file is None:
            self.array[start : start + len(rows)] = rows
            return
        left = np.ascontiguousarray(rows).data.cast("B")
        offset = start * self.array.strides[0]
        while left:
            done = os.pwrite(self.file.fileno(), left, offset)
            left, offset = left[done:], offset + done

    def rest(self) -> None:
        """Give back the memory of a file's pages; what was written stays, in the file."""
        if self.pages is not None and hasattr(mmap, "MADV_DONTNEED"):
            self.pages.madvise(mmap.MADV_DONTNEED)
