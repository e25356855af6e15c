"""What lies in a folder, in order of names: the one place where folders that people point at are listed.

Hidden entries do not count: `.NAME`, among them the `._NAME` that macOS writes beside every file it copies to a disk of
another system, and the `__MACOSX` of its archives. They have the endings of images and clouds, and are neither. Entries
that are neither files nor folders are refused: see regular.py.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from .errors import BadScene
from .regular import refuse_irregular
from .wording import reason


def is_hidden(name: str) -> bool:
    """Whether an entry of this name does not count."""
    return name.startswith(".") or name == "__MACOSX"


def entries(folder: Path) -> list[Path]:
    """What lies in `folder`; BadScene where it cannot be listed."""
    try:
        with os.scandir(folder) as listed:
            held = [entry for entry in listed if not is_hidden(entry.name)]
        for entry in held:
            if not (entry.is_file(follow_symlinks=False) or entry.is_dir(follow_symlinks=False)):
                refuse_irregular(folder / entry.name)
        return sorted(folder / entry.name for entry in held)
    except (OSError, ValueError) as error:  # a name that is too long, or with a zero byte
        raise _unlisted(folder, error) from error


def matching(folder: Path, pattern: str) -> list[Path]:
    """What a glob pattern finds below `folder`; hidden entries only where the pattern itself names one."""
    named = {part for part in Path(pattern).parts if is_hidden(part)}
    if not any(mark in pattern for mark in "*?["):
        refuse_irregular(folder / pattern)  # glob passes over a broken link that is named in full
    try:
        found = sorted(path for path in folder.glob(pattern) if not _hidden_below(folder, path) - named)
    except (OSError, ValueError, NotImplementedError) as error:
        raise _unlisted(folder, error) from error
    for path in found:
        refuse_irregular(path)
    return found


def walk(folder: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """`os.walk` from the top: a folder, the names of its folders (to be cut in place) and of its files, both sorted."""

    def refuse(error: OSError) -> None:
        raise _unlisted(Path(error.filename or folder), error) from error

    for where, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        names = sorted(name for name in names if not is_hidden(name))
        for name in names:
            refuse_irregular(Path(where, name))
        yield Path(where), folders, names


def _hidden_below(folder: Path, path: Path) -> set[str]:
    return {part for part in path.relative_to(folder).parts if is_hidden(part)}


def _unlisted(folder: Path, error: Exception) -> BadScene:
    return BadScene(f"{str(folder)[:300]}: {reason(error)}")
