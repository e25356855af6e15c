"""segmentations/ of 3D-OVS: what the pixels of a few views show, as labels of the points that those views see.

    segmentations/classes.txt                 a name a line
    segmentations/03/red apple.png            where view 3 (from 0, by the pictures' names) shows it: white, 255

Names are numbered in alphabetical order. A point has the name that most views give it, the first one of as many;
pixels of no name, or of two, give none. Facts: dataLoader/llff.py of Kunhao-Liu/3D-OVS.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ....core.errors import BadScene
from ....core.listing import entries
from ....core.regular import is_file, is_folder
from ....core.scene import Frame
from ...files.confined import Confined
from ...files.images import read_image
from ...files.whole import read_text
from ...files.written_paths import written_path
from ...fusion.visibility import VisibilityOptions, correspond
from ...regions.neighbours import nearest

FOLDER = "segmentations"
_MAX_BYTES = 1 << 20


def vote(
    folder: Path, xyz: NDArray[np.float64], views: Sequence[Frame | None], confined: Confined
) -> tuple[NDArray[np.int32], dict[int, str], list[str]]:
    """Labels (N,), their names, and findings; `views` are the scene's in their order, None where one is not posed."""
    names = _class_names(confined(folder / "classes.txt"))
    seeing = VisibilityOptions(splat_radius=_spacing(xyz))
    votes, foreign, lacking = [np.empty(0, np.int64)], [], 0
    for path in [path for path in entries(folder) if is_folder(path)]:
        view = int(path.name) if path.name.isascii() and path.name.isdigit() and len(path.name) < 10 else len(views)
        frame = views[view] if view < len(views) else None
        if frame is None:
            foreign.append(path.name)
            continue
        seen = correspond(xyz, frame, view, None, seeing)
        shown, missing = _shown(confined(path), names, np.rint(seen.uv).astype(np.int64), frame, confined)
        lacking += missing
        votes.append((seen.point_index.astype(np.int64) * len(names) + shown)[shown >= 0])
    labels = _most_frequent(np.concatenate(votes), len(names), len(xyz))
    findings = [f"labels: {(labels >= 0).sum():,} of {len(xyz):,} points, by the masks of {len(votes) - 1} views"]
    if foreign:
        findings.append(f"{len(foreign)} folders of {FOLDER} skipped: no number of a posed view ({foreign[0]})")
    if lacking:
        findings.append(f"{lacking} masks of {FOLDER} do not exist: their names are treated as not visible")
    return labels, dict(enumerate(names)), findings


def _class_names(path: Path) -> list[str]:
    names = sorted({line.strip() for line in read_text(path, _MAX_BYTES).splitlines()} - {""})
    if not names:
        raise BadScene(f"{path}: no names in it")
    return names


def _shown(
    folder: Path, names: Sequence[str], pixels: NDArray[np.int64], frame: Frame, confined: Confined
) -> tuple[NDArray[np.int64], int]:
    """The number of the only name whose mask shows each pixel (K, 2), else -1; and how many masks are missing."""
    known = {name.casefold() for name in names}
    for mask in entries(folder):
        if mask.suffix.lower() == ".png" and mask.stem.strip().casefold() not in known:
            raise BadScene(f"{mask}: shows a class that {FOLDER}/classes.txt does not have; add its name there")
    number, count, missing = np.full(len(pixels), -1, np.int64), np.zeros(len(pixels), np.int64), 0
    for row, name in enumerate(names):
        path = written_path(f"{name}.png", confined, folder)
        if not is_file(path):
            missing += 1
            continue
        white = _lookup((read_image(path) == 255).all(axis=2), pixels, frame)
        number[white] = row
        count += white
    return np.where(count == 1, number, -1), missing


def _most_frequent(votes: NDArray[np.int64], name_count: int, point_count: int) -> NDArray[np.int32]:
    """(N,) the name that most of a point's votes are for; a vote is point * name_count + name."""
    vote, count = np.unique(votes, return_counts=True)
    point, name = vote // name_count, vote % name_count
    best = np.lexsort((name, -count, point))
    first = np.unique(point[best], return_index=True)[1]
    labels = np.full(point_count, -1, np.int32)
    labels[point[best][first]] = name[best][first]
    return labels


def _lookup(mask: NDArray[np.bool_], pixels: NDArray[np.int64], frame: Frame) -> NDArray[np.bool_]:
    """The mask at (column, row) of the picture, which may be of another size: its nearest pixel."""
    height, width = mask.shape
    x = ((pixels[:, 0] + 0.5) * width / frame.camera.width).astype(np.int64)
    y = ((pixels[:, 1] + 0.5) * height / frame.camera.height).astype(np.int64)
    return mask[y, x]


def _spacing(xyz: NDArray[np.float64]) -> float:
    """The median distance of a point to its nearest neighbour: how far each hides what lies behind it."""
    distance = nearest(xyz, 1)[1]
    return float(np.median(distance)) if distance.size else 0.0
