"""Members of .zip archives, read one by one: none is larger than it may be, none is written where its name says."""

import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from ...core.budget import Budget
from ...core.errors import BadScene
from ...core.wording import reason

MAX_BYTES = 1 << 28  # of a member, unfolded
_ERRORS = (
    OSError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError, RuntimeError, LookupError,
    struct.error, OverflowError,
)  # fmt: skip


class ZipMembers:
    """The files of an archive by their names without folders; those of __MACOSX and hidden ones are passed over.

    The archive is open as long as this lives.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._infos: dict[str, zipfile.ZipInfo] = {}
        self._budget = Budget(path)
        with self._reading():
            self._archive = zipfile.ZipFile(path)
            for info in self._archive.infolist():
                self._add(info)

    def __iter__(self) -> Iterator[str]:
        return iter(self._infos)

    def read(self, name: str, max_bytes: int = MAX_BYTES) -> bytes:
        """The bytes of a member; BadScene when it is not there, encrypted, damaged or too large."""
        info = self._infos.get(name)
        if info is None:
            raise BadScene(f"{self.path}: no {name} in it")
        if info.flag_bits & 1:
            raise BadScene(f"{self.path}: {name} is encrypted; unpack the archive beside it with its password")
        if info.file_size > max_bytes:
            raise BadScene(f"{self.path}: {name} would be {info.file_size:,} bytes; at most {max_bytes:,} are unpacked")
        self._budget.take_bytes(info.file_size, name)
        with self._reading(), self._archive.open(info) as member:
            content = member.read(info.file_size)
            whole = len(content) == info.file_size and not member.read(1)
        if not whole:
            raise BadScene(f"{self.path}: {name} does not have the {info.file_size:,} bytes that the archive announces")
        return content

    def _add(self, info: zipfile.ZipInfo) -> None:
        path = PurePosixPath(info.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts:
            raise BadScene(f"{self.path}: its member {info.filename[:100]!r} leads out of it; nothing was unpacked")
        if info.is_dir() or any(part.startswith((".", "__MACOSX")) for part in path.parts):
            return
        if path.name in self._infos:
            raise BadScene(f"{self.path}: two members named {path.name[:100]!r}")
        self._infos[path.name] = info

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except BadScene:
            raise
        except _ERRORS as error:
            detail = reason(error)[:120]
            raise BadScene(f"{self.path}: cannot be read as a .zip archive: {detail}") from error
