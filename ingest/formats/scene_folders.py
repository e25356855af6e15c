"""Scenes that are folders: the one that a person points at, or those directly below it."""

from collections.abc import Callable, Sequence
from pathlib import Path

from ...core.errors import BadInput, BadScene
from ...core.listing import entries
from ...core.names import is_file_name
from ...core.regular import is_folder
from ...core.wording import reason

IsScene = Callable[[Path], bool]


def scene_folders(root: Path, is_scene: IsScene, expected: str, below: Sequence[str] = ("",)) -> list[str]:
    """The names of the scenes, sorted: `root` itself, or the folders in it and in its folders `below`.

    `expected` says for people what there are none of, and what was looked for.
    """
    try:
        if is_scene(root):
            return [root.resolve().name]
        places = [root / place for place in below if is_folder(root / place) or not place]
        paths = [path for place in places for path in entries(place)]
        found = sorted({path.name for path in paths if is_folder(path) and is_scene_or_broken(path, is_scene)})
    except OSError as error:
        raise BadInput(f"{root}: {error.strerror or error}") from error
    if not found:
        raise BadInput(f"{root}: no {expected}")
    return found


def is_scene_or_broken(folder: Path, is_scene: IsScene) -> bool:
    """A folder that cannot be judged counts: it fails by its own name, and the other scenes go on."""
    try:
        return is_scene(folder)
    except BadScene:
        return True


def scene_folder(root: Path, name: str, is_scene: IsScene, expected: str, below: Sequence[str] = ("",)) -> Path:
    """The folder of one scene, found without a look at the others; `expected` is what it should hold."""
    try:
        if name == root.resolve().name and is_scene(root):
            return root
        if is_file_name(name):
            for place in below:
                if is_scene(root / place / name):
                    return root / place / name
    except (OSError, ValueError) as error:  # too long, or with a zero byte
        raise BadScene(f"{name[:100]}: {reason(error)}") from error
    raise BadScene(f"{name[:100]}: no folder of that name with {expected} below {root}")
