"""LLFF scenes (NeRF's forward-facing captures, 3D-OVS): poses_bounds.npy with images and a COLMAP model.

    SCENE/
      poses_bounds.npy                   one row per image, in the order of their names
      images/ (else images_2, _4, _8)    00.png ...     .jpg .JPG .png
      sparse/0/points3D.bin (or .txt)    the points: what COLMAP left when it found the poses
      segmentations/classes.txt          one name per line; masks of some views     (optional)
      segmentations/03/red apple.png     white where view 3 shows it; labels the points it sees

PATH is one such folder, or a folder of many. LLFF keeps no points of its own: those of another reconstruction in the
same world are named with --cloud. The cameras of the file are those of images without distortion.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ...core.errors import BadScene
from ...core.listing import entries
from ...core.regular import is_file, is_folder
from ...core.scene import Frame, PointCloud, Scene
from ..files.clouds import read_cloud
from ..files.confined import Confined
from ..files.images import IMAGE_SUFFIXES, image_size
from ..files.poses import up_axis_of
from ..files.written_paths import written_path
from ..formats.colmap.points import MIN_TRACK, MIN_TRACK_HELP, points_file, sparse_points
from ..formats.frame_options import UNKNOWN_SCALE, UP_AXIS_HELP, FrameOptions, UpAxis
from ..formats.llff.labels import FOLDER as SEGMENTATIONS
from ..formats.llff.labels import vote
from ..formats.llff.poses import Views, read_poses_bounds
from ..formats.scene_folders import scene_folder, scene_folders
from ..formats.selection import spread
from ..formats.skipped import NO_POSE, skipped

FILE = "poses_bounds.npy"
IMAGES = ("images", "images_2", "images_4", "images_8")


@dataclass(frozen=True)
class Options(FrameOptions):
    """What the folder does not say of itself."""

    images: str = field(default="", metadata={"help": "The folder with the images, such as images_4."})
    cloud: str = field(
        default="", metadata={"help": "A .ply, .pcd, .las, .laz or .xyz with the scene's points, in the poses' world."}
    )
    world_scale: float | None = field(
        default=None, metadata={"help": "Units of the poses and points per metre; 1 by default."}
    )
    up_axis: UpAxis = field(default="auto", metadata={"help": UP_AXIS_HELP})
    min_track: int = field(default=MIN_TRACK, metadata={"help": MIN_TRACK_HELP, "later": True})

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_positive("world_scale")
        self._require_counts("min_track", least=0)


def scene_names(root: Path, options: Options) -> list[str]:
    """The folders with poses_bounds.npy: `root` itself, or those directly below it."""
    return scene_folders(root, _is_scene, f"LLFF scene. Looked for {FILE} in it and in each of its folders")


def load_scene(root: Path, name: str, options: Options, unpacked: Path) -> Scene:
    """One scene; the masks of 3D-OVS label the points."""
    folder = scene_folder(root, name, _is_scene, FILE)
    confined = Confined(folder, options.follow_links)
    views = read_poses_bounds(confined(folder / FILE))
    pictures = _pictures(folder, options, views, confined)
    every = _frames(pictures, views, options.world_scale or 1.0)
    frames, findings = _chosen(pictures, every, options)
    points, source = _points(folder, options, confined)
    points = replace(points, xyz=points.xyz / (options.world_scale or 1.0))
    findings.append(f"points: {source}")
    if options.world_scale is None:
        findings.append(UNKNOWN_SCALE)
    if is_file(folder / SEGMENTATIONS / "classes.txt"):
        labels, names, more = vote(confined(folder / SEGMENTATIONS), points.xyz, every, confined)
        points = replace(points, labels=labels, label_names=names)
        findings += more
    up_axis = up_axis_of(frames) if options.up_axis == "auto" else options.up_axis
    return Scene(name, frames, points, str(folder.absolute()), up_axis=up_axis, findings=tuple(findings))


def _is_scene(folder: Path) -> bool:
    return is_file(folder / FILE)


def _pictures(folder: Path, options: Options, views: Views, confined: Confined) -> list[Path]:
    """The picture of each row."""
    if options.images:
        place = written_path(options.images, confined)
    else:
        place = next((folder / name for name in IMAGES if is_folder(folder / name)), folder / IMAGES[0])
    paths = [path for path in entries(place) if path.suffix.lower() in IMAGE_SUFFIXES]
    if len(paths) != len(views):
        raise BadScene(
            f"{views.path}: {len(views)} poses for {len(paths)} images in {place.name}; they are matched by order, "
            "so remove the images that COLMAP did not register, and no others"
        )
    return [confined(path) for path in paths]


def _frames(pictures: Sequence[Path], views: Views, world_scale: float) -> list[Frame | None]:
    """All views; None where the pose is not finite."""
    stems = [path.stem for path in pictures]
    names = stems if len(set(stems)) == len(stems) else [path.name for path in pictures]
    frames: list[Frame | None] = []
    for row, (name, picture) in enumerate(zip(names, pictures, strict=True)):
        camera_to_world = views.camera_to_world[row].copy()
        camera_to_world[:3, 3] /= world_scale
        posed = bool(np.isfinite(camera_to_world).all())
        frames.append(Frame(name, views.camera(row, *image_size(picture)), camera_to_world, picture) if posed else None)
    return frames


def _chosen(
    pictures: Sequence[Path], every: Sequence[Frame | None], options: Options
) -> tuple[tuple[Frame, ...], list[str]]:
    chosen = every[:: options.frame_stride]
    posed = [frame for frame in chosen if frame is not None]
    lost = [path.name for path, frame in zip(pictures[:: options.frame_stride], chosen, strict=True) if frame is None]
    return tuple(spread(posed, options.frame_limit)), skipped(lost, len(chosen), NO_POSE)


def _points(folder: Path, options: Options, confined: Confined) -> tuple[PointCloud, str]:
    """The points in the file's units, and what they are from."""
    if options.cloud:
        return read_cloud(written_path(options.cloud, confined)), options.cloud
    if (path := points_file(folder, confined)) is None:
        raise BadScene(
            f"{folder.name}: no points: LLFF has none but those of sparse/0/points3D.bin, which COLMAP left beside the "
            "poses. Copy that folder back, or name a .ply in the same world with --cloud"
        )
    return sparse_points(path, options.min_track)
