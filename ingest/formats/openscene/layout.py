"""Where OpenScene keeps what belongs to a scene: its folders NAME_3d and NAME_2d, and folders of fused features.

What a folder is of is told by its name, as OpenScene itself does it: scannet_3d, matterport_3d_40, nuscenes_3d ...
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ....core.errors import BadScene
from ....core.listing import entries
from ....core.regular import is_file, is_folder
from .classes import classes_of

Kind = Literal["scannet", "matterport", "replica", "nuscenes", "custom"]

SPLITS = ("train", "val", "test")
LONG = "_vh_clean_2"  # what ScanNet's files are called after the scene's name
_POINTS = re.compile(r"(?P<name>.+)_3d(_(?P<size>\d{1,4}))?")  # matterport_3d_40 goes with matterport_2d
_REGION = re.compile(r"(?P<house>.+)_region\d+")


@dataclass(frozen=True)
class Place:
    """One scene."""

    kind: Kind
    points: Path  # the .pth
    split: str | None
    classes: tuple[str, ...]  # of its labels, by the folder's name; none where that does not tell
    pictures: Path | None  # its folder with color, pose ...; None where there is none
    intrinsics: Path | None  # the file for all scenes of the dataset, where there is one

    @property
    def label_names(self) -> Path:
        """Names of the scene's labels, {"3": "chair"}; OpenScene has no such file, and it need not exist."""
        return self.points.with_suffix(".json")


def find_scenes(root: Path) -> dict[str, Place]:
    """The scenes of NAME_3d folders at `root`, in it, or in folders directly below it (custom scenes, one a folder)."""
    places: dict[str, Place] = {}
    for folder, splits in _points_folders(root):
        for name, place in _scenes(folder, splits):
            if name in places:
                raise BadScene(
                    f"{places[name].points} and {place.points} both belong to scene {name}: name one of their "
                    "folders, such as NAME_3d/val"
                )
            places[name] = place
    return places


def kind_of(folder: Path) -> Kind:
    """What a NAME_3d folder is of."""
    kinds: tuple[Kind, ...] = ("scannet", "matterport", "replica", "nuscenes")
    return next((kind for kind in kinds if f"{kind}_3d" in folder.name), "custom")


def house_of(region: str) -> str:
    """The house of a Matterport region "HOUSE_region7"."""
    matched = _REGION.fullmatch(region)
    return matched["house"] if matched else region


def feature_files(folder: Path, name: str) -> list[Path]:
    """The fused features of a scene below `folder`: NAME.pt, or the chunks NAME_0.pt, NAME_1.pt ... by number."""
    chunk = re.compile(re.escape(name) + r"_(\d+)\.pt")
    for place in (folder, *(folder / split for split in SPLITS if is_folder(folder / split))):
        chunks = {int(matched[1]): path for path in entries(place) if (matched := chunk.fullmatch(path.name))}
        if chunks:
            return [chunks[number] for number in sorted(chunks)]
        if is_file(whole := place / f"{name}.pt"):
            return [whole]
    return []


def _points_folders(root: Path) -> list[tuple[Path, tuple[str, ...]]]:
    """Folders with points, and which splits in them are asked for ("" is the folder itself)."""
    everything = ("", *SPLITS)
    if root.name in SPLITS and _POINTS.fullmatch(root.parent.name):
        return [(root.parent, (root.name,))]
    if _POINTS.fullmatch(root.name):
        return [(root, everything)]
    if inside := _named(root):
        if len(inside) > 1:
            names = ", ".join(folder.name for folder in inside)
            raise BadScene(f"{root}: folders with points of {len(inside)} datasets ({names}); name one of them")
        return [(inside[0], everything)]
    return [(found, everything) for folder in entries(root) if is_folder(folder) for found in _named(folder)]


def _named(folder: Path) -> list[Path]:
    return [path for path in entries(folder) if is_folder(path) and _POINTS.fullmatch(path.name)]


def _scenes(folder: Path, splits: tuple[str, ...]) -> list[tuple[str, Place]]:
    matched = _POINTS.fullmatch(folder.name)
    pictures = folder.with_name(f"{matched['name']}_2d") if matched else None
    kind = kind_of(folder)
    classes = classes_of(kind, int(matched["size"]) if matched and matched["size"] else None)
    found = []
    for split in splits:
        paths = entries(folder / split) if split == "" or is_folder(folder / split) else []
        for path in paths:
            if path.suffix == ".pth":
                name = path.stem.removesuffix(LONG)
                found.append((name, _place(kind, name, path, split or None, classes, pictures)))
    return found


def _place(
    kind: Kind, name: str, points: Path, split: str | None, classes: tuple[str, ...], pictures: Path | None
) -> Place:
    if pictures is None or not is_folder(pictures):
        return Place(kind, points, split, classes, None, None)
    own = house_of(name) if kind == "matterport" else name
    folders = (pictures / split / own, pictures / own) if split else (pictures / own,)
    shared = pictures / "intrinsics.txt"
    return Place(
        kind,
        points,
        split,
        classes,
        next((folder for folder in folders if is_folder(folder)), None),
        shared if is_file(shared) else None,
    )
