"""The masks in a folder, by frame: what lies in it says which form they have."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ....core.errors import BadInput
from ....core.frame_masks import FrameMasks
from ...frame_maps import MaskFiles
from ..files import Folder, digest_of, scene_folder
from ..segments import panoptic, read_ids, read_json
from . import records
from .arrays import read_npy, read_npz
from .layers import from_ids

SUFFIXES = (".png", ".npy", ".npz", ".json")
_NOUN = "mask file"

Read = Callable[[], FrameMasks]


def load_frame_masks(files: str, scene: str) -> MaskFiles:
    """The masks of a scene's frames below FILES/SCENE or in FILES; a file is read when its frame is asked for.

    BadInput for a folder that is not there; what is wrong with a file is said when it is read.
    """
    folder = scene_folder(files, scene, "masks")
    readers, used = _of_all_frames(folder) or _per_frame(folder)
    return MaskFiles(str(folder.path), digest_of(folder.path, used), readers, used, _NOUN)


def _per_frame(folder: Folder) -> tuple[dict[str, Read], tuple[Path, ...]]:
    found = folder.files(SUFFIXES)
    return {name: _told(path, partial(_read, path)) for name, path in found.items()}, tuple(found.values())


def _of_all_frames(folder: Folder) -> tuple[dict[str, Read], tuple[Path, ...]] | None:
    """Where one JSON speaks of all frames."""
    found = list(folder.files((".json",)).values())
    if len(found) != 1:
        return None
    [path] = found
    content = read_json(path)
    if records.is_panoptic(content):
        return _panoptic(folder, path, content)
    frames = records.frames_of(path, content)
    if frames is None:
        return None
    return {name: _told(path, partial(records.read, path, one)) for name, one in frames.items()}, (path,)


def _panoptic(folder: Folder, path: Path, content: Any) -> tuple[dict[str, Read], tuple[Path, ...]]:
    pictures = {png.name: png for png in folder.files((".png",)).values()}
    listed = [name for name in panoptic(path, content)[0] if name in pictures]
    if not listed:
        raise BadInput(f"{path}: none of the images that it describes lies in {folder.path}, as coloured PNGs.")
    used = tuple(pictures[name] for name in listed)
    return {png.stem: _told(png, partial(_ids, png)) for png in used}, (*used, path)


def _read(path: Path) -> FrameMasks:
    suffix = path.suffix.lower()
    if suffix == ".json":
        return records.read(path, records.records_of(path, read_json(path)))
    return _ids(path) if suffix == ".png" else read_npz(path) if suffix == ".npz" else read_npy(path)


def _ids(path: Path) -> FrameMasks:
    return from_ids(path, read_ids(path))


def _told(path: Path, read: Read) -> Read:
    """The same, with a sentence where memory does not suffice."""

    def told() -> FrameMasks:
        try:
            return read()
        except MemoryError as error:
            raise BadInput(f"{path}: needs more memory than is available.") from error

    return told
