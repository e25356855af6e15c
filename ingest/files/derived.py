"""Files that are made once from a scan's own: undistorted pictures, members of archives.

    unpacked/3f9a0c41d2e7/000020.png     the folder's name tells what its files were made from, and how

Where the source or the rule changes, so does the folder's name: a file that exists is a file that is right.
"""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from ...core.errors import BadScene
from ...core.files import make_folder, replacing


def derived_folder(unpacked: Path, sources: Sequence[Path], rule: str) -> Path:
    """The folder below `unpacked` for what `rule`, a text with all its numbers, makes from the files `sources`.

    Sources count by name, size and time of change.
    """
    facts = [rule]
    for source in sources:
        try:
            status = source.stat()
        except OSError as error:
            raise BadScene(f"{source}: {error.strerror or error}") from error
        facts.append(f"{source.name} {status.st_size} {status.st_mtime_ns}")
    return unpacked / hashlib.sha256("\n".join(facts).encode()).hexdigest()[:12]


def made_once(target: Path, make: Callable[[Path], object]) -> Path:
    """`target`, written by `make(temporary path)` unless it is there; it appears whole or not at all."""
    if not target.is_file():
        make_folder(target.parent)
        with replacing(target, in_store=True) as part:
            make(part)
    return target
