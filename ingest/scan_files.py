"""The files that a scene is read from: what they are, and whether they are what they were.

A file counts as unchanged when its size and its times are those of before, or else when its size and the digest of its
head and tail are (128 kB at the most are read of a file). A larger one that was written to in place counts as changed.
"""

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import BadScene
from ..core.listing import walk
from ..core.wording import short_list
from ..store.publish.fingerprints import Fingerprint, Mark
from .files.images import IMAGE_SUFFIXES

_SAMPLE = 1 << 16  # bytes read from either end of a file
_UNREAD = {".db", ".md", ".html", ".pdf", ".mp4", ".mov", ".avi", ".bag", ".blend"}  # unless a format names the file
_SAME_SCAN = 0.5  # share of the files that must be unchanged for a scan to be the one it was


@dataclass(frozen=True)
class Comparison:
    """What became of the files of a scene."""

    now: Fingerprint
    moved: bool  # to another place than before
    changed: tuple[str, ...]  # paths from the scene's place, as are those below
    added: tuple[str, ...]
    removed: tuple[str, ...]
    kept_share: float  # of the files whose content is known
    unchanged: bool = False  # in every respect, times and root included

    @property
    def equal(self) -> bool:
        """Whether nothing is different but the place."""
        return not (self.changed or self.added or self.removed)

    @property
    def same_scan(self) -> bool:
        """Whether it is the scan it was, with edits; otherwise another one under its name."""
        return self.kept_share >= _SAME_SCAN

    def __str__(self) -> str:
        """What is different, for people."""
        parts = []
        for names, word in ((self.changed, "changed"), (self.added, "added"), (self.removed, "gone")):
            if names:
                parts.append(f"{word}: {short_list(names, 1)}")
        return "; ".join(parts)


def fingerprint(root: Path, place: Path, paths: Sequence[Path], used: Iterable[Path], store: Path) -> Fingerprint:
    """Of all files in `paths` (files, and folders with what is below them) and those `used` by frames.

    Files inside the store are made, not read. Images that no frame uses count by name alone.
    """
    needed = {Path(os.path.abspath(path)) for path in used}
    found = {*_all_files(paths, store), *(path for path in needed if not path.is_relative_to(store))}
    base = _base(place)
    files = {os.path.relpath(path, base): _mark(path, path in needed) for path in sorted(found)}
    return Fingerprint(str(root), str(place), files)


def compare(before: Fingerprint, root: Path, place: Path, paths: Sequence[Path], store: Path) -> Comparison:
    """The files of a scene that is at `place` now with those that it was read from."""
    base, moved = _base(place), os.path.abspath(before.place) != os.path.abspath(place)
    there = {os.path.relpath(path, base): path for path in _all_files(paths, store)}
    there |= {name: path for name in before.files if name not in there and (path := base / name).is_file()}
    now: dict[str, Mark] = {}
    changed, kept, known = [], 0, 0
    for name, old in before.files.items():
        known += bool(old.digest)
        if name not in there:
            continue
        now[name], same, touched = _look(old, there[name], moved)
        kept += bool(old.digest) and (same or touched)
        if not same:
            changed.append(name)
    added = sorted(there.keys() - before.files.keys())
    now |= {name: _mark(there[name], False) for name in added}
    removed = sorted(before.files.keys() - there.keys())
    share = kept / known if known else 1.0
    found = Fingerprint(str(root), str(place), now)
    return Comparison(found, moved, tuple(changed), tuple(added), tuple(removed), share, found == before)


def _look(old: Mark, path: Path, moved: bool) -> tuple[Mark, bool, bool]:
    """The file now, whether it is unchanged, and whether it was only written to with ends as they were."""
    status = _status(path)
    times = (status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    if times == old[:3] or not old.digest:
        return Mark(*times, old.digest), True, False
    mark = Mark(*times, _digest(path, status.st_size))
    equal = (mark.size, mark.digest) == (old.size, old.digest)
    rewritten = not moved and mark.modified != old.modified and mark.size > 2 * _SAMPLE
    return mark, equal and not rewritten, equal and rewritten


def _mark(path: Path, needed: bool) -> Mark:
    status = _status(path)
    read = needed or path.suffix.lower() not in IMAGE_SUFFIXES
    digest = _digest(path, status.st_size) if read else ""
    return Mark(status.st_size, status.st_mtime_ns, status.st_ctime_ns, digest)


def _status(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError as error:
        raise BadScene(f"{path}: {error.strerror or error}") from error


def _digest(path: Path, size: int) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            digest.update(file.read(_SAMPLE))
            if size > _SAMPLE:
                file.seek(max(_SAMPLE, size - _SAMPLE))
                digest.update(file.read(_SAMPLE))
    except OSError as error:
        raise BadScene(f"{path}: {error.strerror or error}") from error
    return digest.hexdigest()[:16]


def _all_files(paths: Iterable[Path], store: Path) -> list[Path]:
    """The files among the paths and below them that a format may read; the store itself may lie there."""
    found = []
    for path in paths:
        path = Path(os.path.abspath(path))
        if not path.is_dir():
            found.append(path)
            continue
        for where, folders, names in walk(path):
            folders[:] = [name for name in folders if where / name != store]
            found += [where / name for name in names if Path(name).suffix.lower() not in _UNREAD]
    return [path for path in found if path.is_file()]


def _base(place: Path) -> Path:
    return place if place.is_dir() else place.parent
