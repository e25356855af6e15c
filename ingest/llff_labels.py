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

from ..store.errors import BadScene
from ..store.scene import Frame
from .confined import Confined
from .images import read_image
from .neighbours import nearest
from .visibility import Options as VisibilityOptions
from .visibility import correspond
from .written_paths import written_path

FOLDER = "segmentations"
_MAX_BYTES = 1 << 20


def vote(
    folder: Path, xyz: NDArray[np.float64], views: Sequence[Frame | None], confined: Confined
) -> tuple[NDArray[np.int32], dict[int, str], list[str]]:
    """Labels (N,), their names, and findings; `views` are the scene's in their order, None where one is not posed."""
    names = _class_names(confined(folder / "classes.txt"))
    votes = np.zeros((len(xyz), len(names)), np.int32)
    seeing = VisibilityOptions(splat_radius=_spacing(xyz))
    used, foreign, lacking = 0, [], 0
    for path in sorted(path for path in folder.iterdir() if path.is_dir()):
        view = int(path.name) if path.name.isascii() and path.name.isdigit() and len(path.name) < 10 else len(views)
        frame = views[view] if view < len(views) else None
        if frame is None:
            foreign.append(path.name)
            continue
        masks, missing = _masks(confined(path), names, confined)
        lacking += missing
        seen = correspond(xyz, frame, view, None, seeing)
        column, row = np.rint(seen.uv).astype(np.int64).T
        shown = np.stack([_lookup(mask, column, row, frame) for mask in masks], axis=1)
        shown &= shown.sum(axis=1, keepdims=True) == 1
        votes[seen.point_index] += shown
        used += 1
    labels = np.where(votes.any(axis=1), votes.argmax(axis=1), -1).astype(np.int32)
    findings = [f"labels: {(labels >= 0).sum():,} of {len(xyz):,} points, by the masks of {used} views"]
    if foreign:
        findings.append(f"{len(foreign)} folders of {FOLDER} skipped: no number of a posed view ({foreign[0]})")
    if lacking:
        findings.append(f"{lacking} masks of {FOLDER} are not there: their names are taken not to be seen")
    return labels, dict(enumerate(names)), findings


def _class_names(path: Path) -> list[str]:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise BadScene(f"{path}: {path.stat().st_size:,} bytes; a name a line was expected")
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise BadScene(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise BadScene(f"{path}: not a text file") from error
    names = sorted({line.strip() for line in lines} - {""})
    if not names:
        raise BadScene(f"{path}: no names in it")
    return names


def _masks(folder: Path, names: Sequence[str], confined: Confined) -> tuple[list[NDArray[np.bool_]], int]:
    """(H, W) of each name, of no size where there is no file, and how many files are missing."""
    masks, missing = [], 0
    for name in names:
        path = written_path(f"{name}.png", confined, folder)
        there = path.is_file()
        missing += not there
        masks.append((read_image(path) == 255).all(axis=2) if there else np.zeros((0, 0), bool))
    return masks, missing


def _lookup(
    mask: NDArray[np.bool_], column: NDArray[np.int64], row: NDArray[np.int64], frame: Frame
) -> NDArray[np.bool_]:
    """The mask at pixels of the picture, which may be of another size: its nearest pixel."""
    if not mask.size:
        return np.zeros(len(column), bool)
    height, width = mask.shape
    x = ((column + 0.5) * width / frame.camera.width).astype(np.int64).clip(0, width - 1)
    y = ((row + 0.5) * height / frame.camera.height).astype(np.int64).clip(0, height - 1)
    return mask[y, x]


def _spacing(xyz: NDArray[np.float64]) -> float:
    """The median distance of a point to its nearest neighbour: how far each hides what lies behind it."""
    distance = nearest(xyz, 1)[1]
    return float(np.median(distance)) if distance.size else 0.0
