"""Paths that the files of a scan name."""

from pathlib import Path, PurePosixPath, PureWindowsPath

from ...core.errors import BadScene
from .confined import Confined


def written_path(text: str, confined: Confined, base: Path | None = None) -> Path:
    """What `text` names, relative to `base` (the scan's folder unless given); nothing needs to be there.

    Backslashes are taken for slashes, as files made on Windows have them. BadScene for what leads out of the folder.
    """
    path = PurePosixPath(text.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or PureWindowsPath(text).drive:
        raise BadScene(
            f"{text[:100]!r} leads out of the scan's folder {confined.folder}: copy the file there, and write its "
            "path relative to it"
        )
    if not path.name or "\0" in text or not _is_whole(text):
        raise BadScene(f"{text[:100]!r}, named in {confined.folder}, cannot be a file")
    return confined((base or confined.folder) / path)


def _is_whole(text: str) -> bool:
    """Whether no half of a surrogate pair is in it, as JSON can write."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
