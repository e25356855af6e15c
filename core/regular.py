"""Entries of folders are what they should be: a broken link, a pipe, a device or a socket is refused by its name.

Who takes such an entry for absent goes on without it, and makes something else from what is left, without a word; who
opens a pipe may wait for ever.
"""

import os
import stat
from pathlib import Path

from .errors import BadScene
from .wording import reason

_KINDS = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}


def is_file(path: Path) -> bool:
    """Whether a file is there; BadScene where something else has its name."""
    mode = _mode(path)
    if mode is not None and stat.S_ISDIR(mode):
        raise BadScene(f"{path} is a folder; a file was expected")
    return mode is not None


def is_folder(path: Path) -> bool:
    """Whether a folder is there; not where a file has its name."""
    mode = _mode(path)
    return mode is not None and stat.S_ISDIR(mode)


def require_file(path: Path) -> int:
    """The bytes of the file, before it is opened; BadScene where there is none."""
    if not is_file(path):
        raise BadScene(f"{path}: No such file or directory")
    return path.stat().st_size


def refuse_irregular(path: Path) -> None:
    """BadScene for what is neither file nor folder."""
    _mode(path)


def _mode(path: Path) -> int | None:
    """The mode of a file or folder, None where nothing is."""
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        if not path.is_symlink():
            return None
        raise BadScene(
            f"{path}: a broken link, to {os.readlink(path)}: restore its target, or remove the link"
        ) from None
    except (OSError, ValueError) as error:  # links in a circle, a name that is too long or has a zero byte
        raise BadScene(f"{str(path)[:300]}: {reason(error)}") from error
    if kind := _KINDS.get(stat.S_IFMT(mode)):
        raise BadScene(f"{path}: {kind}; a file was expected")
    return mode
