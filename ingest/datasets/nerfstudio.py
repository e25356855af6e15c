"""nerfstudio, instant-ngp and Blender scenes: transforms.json with images, depth and points.

    SCENE/
      transforms.json                or transforms_train.json, _val.json, _test.json (Blender)
      images/frame_00001.png ...     file_path, with or without its ending
      depth/frame_00001.png ...      depth_file_path: .png in 1/1000, .npy            (optional)
      sparse_pc.ply                  ply_file_path                                    (optional)
    or, as Polycam exports a LiDAR capture:
      keyframes/{images,cameras,depth}/ID.{jpg,json,png}
      keyframes/corrected_images/  corrected_cameras/     taken rather than these     (optional)

PATH is one such folder, or a folder of many. Pictures of a lens with distortion are straightened once, panoramas are
cut into six views. Points are those of --cloud, ply_file_path or sparse_pc.ply, else of the depth, else of the COLMAP
model in colmap/sparse/0 or sparse/0. What ns-process-data makes of Record3D, RealityCapture, Metashape and COLMAP
projects is read as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Literal

from ...core.errors import BadScene
from ...core.regular import is_file
from ...core.scene import Frame, PointCloud, Scene
from ..files.clouds import read_cloud
from ..files.confined import Confined
from ..files.poses import up_axis_of
from ..files.written_paths import written_path
from ..formats.colmap.points import MIN_TRACK, MIN_TRACK_HELP, points_file
from ..formats.depth_cloud import DepthCloudOptions, depth_cloud
from ..formats.frame_options import UNKNOWN_SCALE, UP_AXIS_HELP, UpAxis
from ..formats.nerfstudio.colmap_points import points_beside
from ..formats.nerfstudio.frames import Reading, read_frames
from ..formats.nerfstudio.polycam import is_polycam, read_polycam
from ..formats.nerfstudio.transforms import Listed, Transforms, read_transforms
from ..formats.scene_folders import scene_folder, scene_folders

FILE = "transforms.json"
SPLITS = ("train", "val", "test")
SPARSE = "sparse_pc.ply"
MILLIMETRES = 0.001  # nerfstudio's depth_unit_scale_factor unless told otherwise, for .npy as well


@dataclass(frozen=True)
class Options(DepthCloudOptions):
    """What the folder does not say of itself."""

    transforms: str = field(default="", metadata={"help": "The .json with the frames, where it has another name."})
    views: Literal["all", "train", "val", "test"] = field(
        default="all", metadata={"help": "All frames, or those of one split where the files tell them apart."}
    )
    cloud: str = field(
        default="", metadata={"help": "A .ply, .pcd, .las, .laz or .xyz with the scene's points, in the poses' world."}
    )
    depth_scale: float | None = field(
        default=None, metadata={"help": "Depth units per metre; 1000 (times --world-scale) unless the file says."}
    )
    world_scale: float | None = field(
        default=None, metadata={"help": "Units of the poses and points per metre; 1 by default."}
    )
    up_axis: UpAxis = field(default="auto", metadata={"help": UP_AXIS_HELP})
    ignore_masks: bool = field(
        default=False,
        metadata={"help": "Also use the pixels that mask_path blackens, such as people who walk by.", "later": True},
    )
    min_track: int = field(default=MIN_TRACK, metadata={"help": MIN_TRACK_HELP, "later": True})

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_positive("depth_scale", "world_scale")
        self._require_counts("min_track", least=0)


def scene_names(root: Path, options: Options) -> list[str]:
    """The folders with such a file: `root` itself, or those directly below it."""
    expected = (
        "nerfstudio scene. Looked in it and in each of its folders for "
        f"{options.transforms or f'{FILE} or transforms_train.json'}, and for Polycam's keyframes/cameras; "
        "name another file with --transforms"
    )
    return scene_folders(root, partial(_is_scene, options), expected)


def load_scene(root: Path, name: str, options: Options, unpacked: Path) -> Scene:
    """One scene, its points from its cloud or else from its depth."""
    folder = scene_folder(root, name, partial(_is_scene, options), options.transforms or FILE)
    confined = Confined(folder, options.follow_links)
    files = _files(folder, options, confined)
    main = next(iter(files.values()), None)
    listed = read_polycam(folder, confined) if main is None else _of_views(files, options)
    scale = options.world_scale or 1.0
    unit = MILLIMETRES if main is None or main.depth_unit is None else main.depth_unit
    reading = Reading(
        folder,
        folder,
        scale * (1.0 if main is None else main.applied_scale),
        options.depth_scale or scale / unit,
        options.frame_stride,
        options.frame_limit,
        not options.ignore_masks,
    )
    frames, findings = read_frames(listed, reading, confined, unpacked)
    points, source = _points(folder, main, frames, options, confined, findings)
    findings.append(source)
    if options.world_scale is None and frames[0].depth_path is None:
        findings.append(UNKNOWN_SCALE)
    findings += [note for file in files.values() for note in file.notes]
    up_axis = up_axis_of(frames) if options.up_axis == "auto" else options.up_axis
    return Scene(name, frames, points, str(folder.absolute()), up_axis=up_axis, findings=tuple(findings))


def _is_scene(options: Options, folder: Path) -> bool:
    names = [options.transforms] if options.transforms else [FILE, *_split_files().values()]
    return any(is_file(folder / name) for name in names) or (not options.transforms and is_polycam(folder))


def _split_files() -> dict[str, str]:
    return {split: f"transforms_{split}.json" for split in SPLITS}


def _files(folder: Path, options: Options, confined: Confined) -> dict[str, Transforms]:
    """Each file that is there by its split; "" for one that holds all."""
    if options.transforms or is_file(folder / FILE):
        return {"": read_transforms(written_path(options.transforms or FILE, confined))}
    there = {split: folder / name for split, name in _split_files().items() if is_file(folder / name)}
    return {split: read_transforms(confined(path)) for split, path in there.items()}


def _of_views(files: dict[str, Transforms], options: Options) -> list[Listed]:
    """The frames of all files, or those of one split."""
    if options.views == "all":
        return [entry for file in files.values() for entry in file.frames]
    if options.views in files:
        return list(files[options.views].frames)
    whole = files.get("")
    if whole is None or options.views not in whole.lists:
        named = ", ".join(file.path.name for file in files.values())
        raise BadScene(f"--views {options.views}: {named} does not say which frames those are")
    wanted = {PurePosixPath(text) for text in whole.lists[options.views]}
    return [entry for entry in whole.frames if PurePosixPath(entry.file_path) in wanted]


def _points(
    folder: Path,
    main: Transforms | None,
    frames: Sequence[Frame],
    options: Options,
    confined: Confined,
    findings: list[str],
) -> tuple[PointCloud, str]:
    """The points in metres, and a finding.

    ply_file_path is about the world of the poses as applied_transform turned it, before applied_scale.
    """
    named, scale = main.ply_file_path if main is not None else "", options.world_scale or 1.0
    for text in (options.cloud, named, SPARSE):
        if text and is_file(path := written_path(text, confined)):
            return _scaled(read_cloud(path), scale), f"points: {path.name}"
        if text and text == options.cloud:
            raise BadScene(f"{folder}: no file at --cloud {text}")
        if text and text == named:
            findings.append(f"ply_file_path {text} does not exist")
    if any(frame.depth_path is not None for frame in frames):
        return depth_cloud(folder.name, frames, options)
    if main is not None and (model := points_file(folder, confined)) is not None:
        return points_beside(model, main.applied_transform, frames, scale, options.min_track, confined)
    raise BadScene(
        f"{folder.name}: no points: neither ply_file_path nor {SPARSE}, depth_file_path or colmap/sparse/0 is there. "
        "Name a .ply of the scene with --cloud (nerfstudio exports one: ns-export pointcloud)"
    )


def _scaled(points: PointCloud, world_scale: float) -> PointCloud:
    return replace(points, xyz=points.xyz / world_scale)
