"""Where the files of the Matterport3D release lie."""

import os
import re
from pathlib import Path

from ....core.errors import BadScene
from ....core.listing import entries, matching
from ....core.regular import require_file
from ...files.confined import Confined
from .splits import HOUSES

REGIONS = "region_segmentations"
_REGION = re.compile(r"region(0|[1-9][0-9]{0,5})\.ply")
_LIST_BYTES = 1 << 20


def houses(root: Path) -> dict[str, Path]:
    """House -> folder: `root` itself when it is one, else what lies in it, in scans or in v1/scans."""
    if part(root, root.resolve().name, REGIONS):
        return {root.resolve().name: root}
    others = [place for place in (root / "scans", root / "v1" / "scans") if os.path.isdir(place)]
    below = [path for place in (root, *others) for path in entries(place)]
    return {path.name: path for path in sorted(below) if part(path, path.name, REGIONS)}


def part(folder: Path, house: str, name: str) -> Path | None:
    """One of the release's folders of a house, also where its .zip was unpacked into a folder of the house's name."""
    for path in (folder / name / house / name, folder / name, folder / house / name):
        if os.path.isdir(path):
            return path
    return None


def required_part(folder: Path, house: str, name: str) -> Path:
    """The same; BadScene when it is not there."""
    path = part(folder, house, name)
    if path is None:
        packed = next((p for p in (folder / f"{name}.zip", folder / house / f"{name}.zip") if os.path.exists(p)), None)
        what = f"{packed.name} is not unpacked; unzip it" if packed else f"no folder {name}; download and unzip it"
        raise BadScene(f"{folder}: {what} there")
    return path


def regions(folder: Path) -> list[int]:
    """The numbers of the regions that have a mesh in a folder region_segmentations."""
    found = [_REGION.fullmatch(path.name) for path in entries(folder)]
    return sorted(int(match[1]) for match in found if match)


def conf_of(folder: Path, house: str) -> Path:
    """The file with the cameras: HOUSE.conf, or the only .conf where the house has another name here."""
    named = folder / f"{house}.conf"
    others = matching(folder, "*.conf")
    if named in others or len(others) == 1:
        return named if named in others else others[0]
    raise BadScene(f"{folder}: no {named.name} with the cameras of the house")


def beside(root: Path, name: str, follow_links: bool) -> Path | None:
    """A file of the whole release: in PATH or up to two folders above, also in metadata/ or tasks/benchmark/ there."""
    for place in (root, root.parent, root.parent.parent):
        for path in (place / name, place / "metadata" / name, place / "tasks" / "benchmark" / name):
            if os.path.isfile(path):
                return Confined(place, follow_links)(path)
    return None


def split_of(root: Path, house: str, follow_links: bool) -> str | None:
    """By the lists scenes_train.txt, scenes_val.txt and scenes_test.txt where there are any, else by the benchmark."""
    listed = {split: path for split in HOUSES if (path := beside(root, f"scenes_{split}.txt", follow_links))}
    try:
        lists = {split: _words(path) for split, path in listed.items()} or HOUSES
    except OSError as error:
        raise BadScene(f"{error.filename}: {error.strerror or error}") from error
    return next((split for split, names in lists.items() if house in names), None)


def _words(path: Path) -> frozenset[str]:
    require_file(path)
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        return frozenset(file.read(_LIST_BYTES).split())
