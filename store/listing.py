"""What lies in a folder, in order of names: the one place where folders that people point at are listed.

Hidden entries do not count: `.NAME`, among them the `._NAME` that macOS writes beside every file it copies to a disk of
another system, and the `__MACOSX` of its archives. They have the endings of images and clouds, and are neither.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from .errors import BadScene


def is_hidden(name: str) -> bool:
    """Whether an entry of this name does not count."""
    return name.startswith(".") or name == "__MACOSX"


def entries(folder: Path) -> list[Path]:
    """What lies in `folder`; BadScene where it cannot be listed."""
    try:
        return sorted(path for path in folder.iterdir() if not is_hidden(path.name))
    except (OSError, ValueError) as error:  # a name that is too long, or with a zero byte
        raise _unlisted(folder, error) from error


def matching(folder: Path, pattern: str) -> list[Path]:
    """What a glob pattern finds below `folder`; hidden entries only where the pattern itself names one."""
    named = {part for part in Path(pattern).parts if is_hidden(part)}
    try:
        return sorted(path for path in folder.glob(pattern) if not _hidden_below(folder, path) - named)
    except (OSError, ValueError, NotImplementedError) as error:
        raise _unlisted(folder, error) from error


def walk(folder: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """`os.walk` from the top: a folder, the names of its folders (to be cut in place) and of its files, both sorted."""

    def refuse(error: OSError) -> None:
        raise _unlisted(Path(error.filename or folder), error) from error

    for where, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        yield Path(where), folders, sorted(name for name in names if not is_hidden(name))


def _hidden_below(folder: Path, path: Path) -> set[str]:
    return {part for part in path.relative_to(folder).parts if is_hidden(part)}


def _unlisted(folder: Path, error: Exception) -> BadScene:
    return BadScene(f"{str(folder)[:300]}: {getattr(error, 'strerror', None) or error}")
