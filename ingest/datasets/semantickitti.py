"""SemanticKITTI: KITTI's odometry sequences with labels of the lidar's points.

    dataset/sequences/08/
      velodyne/000000.bin      a scan: x, y, z, remission as float32
      labels/000000.label      uint32 a point: class in the lower half, instance above (optional)
      image_2/000000.png       the left colour camera; image_3 the right one           (optional)
      calib.txt                P0 to P3, and Tr from the lidar to the left grey camera
      poses.txt                one pose of the left grey camera per line, 12 numbers
      times.txt                seconds                                                 (optional)

PATH is the folder with the sequences, one above it (`dataset`, or what holds that), or one sequence. A scene is a
sequence: every tenth image and scan, one point kept in each cube of 0.2 m. With --unit scan each of those scans is a
scene, 08_000000 and so on, every point kept. The world has the axes of the lidar where the sequence began: x forward, y
left, z up. There is no depth: nothing hides what lies behind it, unless --splat-radius is given.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from ...core.errors import BadInput, BadScene
from ...core.listing import entries
from ...core.regular import is_folder
from ...core.scene import Scene
from ..checks.checks import EXTENT
from ..files.confined import Confined
from ..formats.drives import DriveOptions
from ..formats.semantickitti.sequence import VELODYNE, numbered, read_frames, read_points, read_sequence

_VOXEL = {"sequence": 0.2, "scan": 0.0}  # metres
_SPLITS = {
    "train": ("00", "01", "02", "03", "04", "05", "06", "07", "09", "10"),
    "val": ("08",),
    "test": tuple(str(number) for number in range(11, 22)),
}  # semantic-kitti.yaml


@dataclass(frozen=True)
class Options(DriveOptions):
    """What becomes of the sequences."""

    frame_stride: int = field(
        default=10, metadata={"help": "Take every n-th scan and its image; there are 10 per second."}
    )
    unit: Literal["sequence", "scan"] = field(
        default="sequence", metadata={"help": "What becomes one scene: a whole sequence, or one scan of it."}
    )
    split: Literal["all", "train", "val", "test"] = field(
        default="all", metadata={"help": "All sequences, or only those of this official split.", "recipe": False}
    )
    stereo: bool = field(default=False, metadata={"help": "Also use the right camera's images, image_3."})


def scene_names(root: Path, options: Options) -> list[str]:
    """The sequences below `root`, or every --frame-stride-th scan of them."""
    folders = _sequences(root)
    if not folders:
        raise BadInput(
            f"{root}: no SemanticKITTI. Looked for NN/{VELODYNE} in it, in its folders 'sequences' and "
            f"'dataset/sequences', and for {VELODYNE} in the folder itself"
        )
    if options.split != "all":
        chosen = {name: folder for name, folder in folders.items() if _split(name) == options.split}
        if not chosen:
            raise BadInput(f"{root}: no sequence of the split {options.split!r} ({' '.join(_SPLITS[options.split])})")
        folders = chosen
    if options.unit == "sequence":
        return sorted(folders)
    return sorted(
        f"{name}_{number:06d}"
        for name, folder in folders.items()
        for number in [*numbered(folder / VELODYNE, ".bin")][:: options.frame_stride]
    )


def scan_files(root: Path, name: str, options: Options) -> list[Path]:
    """The sequence's folder, or what is one scan's there."""
    scan = re.fullmatch(r"(.+)_(\d{6,})", name, re.ASCII) if options.unit == "scan" else None
    folder = _sequences(root).get(scan[1] if scan else name)
    if folder is None or scan is None:
        return [] if folder is None else [folder]
    own = [folder / VELODYNE / f"{scan[2]}.bin", folder / "labels" / f"{scan[2]}.label"]
    return [*own, *(folder / shared for shared in ("poses.txt", "calib.txt", "times.txt"))]


def load_scene(root: Path, name: str, options: Options, unpacked: Path) -> Scene:
    """One sequence, or one scan."""
    folders = _sequences(root)
    scan = re.fullmatch(r"(.+)_(\d{6,})", name, re.ASCII) if options.unit == "scan" else None
    sequence_name = scan[1] if scan else name
    if sequence_name not in folders or (options.unit == "scan" and not scan):
        raise BadScene(f"{name[:100]}: no such {options.unit} below {root}")
    folder = folders[sequence_name]
    confined = Confined(folder, options.follow_links)
    sequence = read_sequence(folder, confined)
    numbers = [*sequence.scans][:: options.frame_stride]
    if scan:
        if int(scan[2]) not in sequence.scans:
            raise BadScene(f"{name}: no {VELODYNE}/{scan[2]}.bin in {folder}")
        numbers = [int(scan[2])]
    frames, findings = read_frames(sequence, numbers, options.frame_limit, options.stereo, confined)
    voxel_size = _VOXEL[options.unit] if options.voxel_size is None else options.voxel_size
    points, more = read_points(sequence, numbers, voxel_size, options.ego_radius, confined)
    if (extent := float(np.linalg.norm(np.ptp(points.xyz, axis=0)))) > EXTENT[1]:
        raise BadScene(
            f"{name}: it spans {extent:,.0f} m, but a scene may span at most {EXTENT[1]:,.0f} m: use scans as "
            "scenes, --unit scan"
        )
    return Scene(
        name, tuple(frames), points, str(folder.absolute()), _split(sequence_name), findings=(*findings, *more)
    )


def _sequences(root: Path) -> dict[str, Path]:
    """Name -> folder."""
    if is_folder(root / VELODYNE):
        return {root.resolve().name: root}
    places = (root, root / "sequences", root / "dataset" / "sequences")
    below = [path for place in places if place == root or is_folder(place) for path in entries(place)]
    return {path.name: path for path in below if is_folder(path / VELODYNE)}


def _split(sequence: str) -> str | None:
    return next((split for split, names in _SPLITS.items() if sequence in names), None)
