"""Which files of a folder are a scene's maps, and what tells that they are others than they were."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...core.errors import BadInput
from ...core.listing import entries, walk
from ...core.names import is_file_name
from ...core.regular import is_file, is_folder

_SAMPLE = 1 << 16


@dataclass(frozen=True)
class Folder:
    """Where one scene's maps lie."""

    path: Path
    deep: bool  # whether folders below it are the scene's too

    def files(self, suffixes: Sequence[str]) -> dict[str, Path]:
        """Name without suffix, after its folders -> file, in order of names; a zarr folder counts as a file."""
        found: dict[str, Path] = {}
        for path in sorted(_walk(self.path, self.deep)):
            if path.suffix.lower() in suffixes and (is_folder(path) or is_file(path)):
                name = path.relative_to(self.path).with_suffix("").as_posix()
                if name in found:
                    raise BadInput(f"{self.path}: {found[name].name} and {path.name} have the same name; keep one.")
                found[name] = path
        return found

    def only_json(self) -> Path:
        """The JSON that speaks of all pictures."""
        found = list(self.files((".json",)).values())
        if len(found) != 1:
            raise BadInput(f"{self.path}: {len(found)} JSON files; one for all images was expected.")
        return found[0]


def scene_folder(files: str, scene: str, what: str = "maps") -> Folder:
    """FILES/SCENE, or FILES where its files lie in it directly."""
    if not files:
        raise BadInput("precomputed reads maps from disk: name their folder with --files FOLDER.")
    root = Path(files).expanduser()
    if not is_folder(root):
        raise BadInput(f"{root}: no such folder of {what}.")
    if is_file_name(scene) and is_folder(root / scene):
        return Folder(root / scene, deep=True)
    if not any(True for _ in _walk(root, deep=False)):
        some = [path.name for path in entries(root)[:3]]
        raise BadInput(
            f"{root}: no folder named like the scene, {scene!r}; it contains {', '.join(some) or 'nothing'}."
        )
    return Folder(root, deep=False)


def digest_of(folder: Path, files: Iterable[Path], names: Sequence[str] = ()) -> str:
    """Of the names of classes, the files' names below the folder, sizes, first and last 64 kB; not of where it lies.

    200 GB are not read to learn that nothing has changed; another run of a network changes every number.
    """
    digest = hashlib.sha256("\n".join(names).encode())
    for path in sorted(set(files)):
        for part in _parts(path):
            try:
                with part.open("rb") as file:
                    size = file.seek(0, os.SEEK_END)
                    digest.update(os.fsencode(f"{part.relative_to(folder).as_posix()}\n{size}\n"))
                    for start in sorted({0, max(0, size - _SAMPLE)}):
                        file.seek(start)
                        digest.update(file.read(_SAMPLE))
            except OSError as error:
                raise BadInput(f"{part}: {error.strerror or error}") from error
    return digest.hexdigest()


def _parts(path: Path) -> list[Path]:
    """The file itself, or all files of a zarr folder, whose `.zarray` is one of them."""
    return sorted(part for part in path.rglob("*") if not is_folder(part)) if is_folder(path) else [path]


def _walk(folder: Path, deep: bool) -> Iterator[Path]:
    for where, folders, names in walk(folder):
        whole = [name for name in folders if name.endswith(".zarr")]
        folders[:] = [name for name in folders if name not in whole] if deep else []
        yield from (where / name for name in [*names, *whole])
