"""COLMAP: photographs with a sparse model, or a dense workspace with depth maps and a fused cloud.

    SCENE/
      images/                   the images, in folders or not; images_2, images_4 with --images
      sparse/0/                 cameras, images, points3D, .bin or .txt; or in sparse/ or SCENE/
      dense/, dense/0/ ...      of image_undistorter: taken rather than the above     (optional)
        images/  sparse/
        stereo/depth_maps/      PICTURE.geometric.bin or PICTURE.photometric.bin
        fused.ply               the points, where there is one

PATH is one such folder (or a dense workspace), or a folder of many. Pictures of lenses with distortion are straightened
once, for all camera models of COLMAP but panoramas. Pictures smaller than their camera take its intrinsics to their
size. Poses and points stay in COLMAP's world, whose unit nobody knows unless it was aligned: --world-scale tells it.
Sparse points are few and hide nothing: without depth maps, points are seen through walls.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal

from ...core.errors import BadScene
from ...core.scene import PointCloud, Scene
from ..cameras.lenses import Lens
from ..files.clouds import read_cloud
from ..files.confined import Confined
from ..files.poses import up_axis_of
from ..files.written_paths import written_path
from ..formats.colmap.frames import Reading, camera_to_world, read_frames
from ..formats.colmap.layout import Workspace, find_workspace, is_scene
from ..formats.colmap.model import Points, model_file, read_cameras, read_points
from ..formats.colmap.points import MIN_TRACK, MIN_TRACK_HELP, good_points
from ..formats.colmap.reprojection import check_reprojection
from ..formats.frame_options import UNKNOWN_SCALE, UP_AXIS_HELP, FrameOptions, UpAxis
from ..formats.scene_folders import scene_folder, scene_folders


@dataclass(frozen=True)
class Options(FrameOptions):
    """What a workspace does not say of itself."""

    model: str = field(
        default="", metadata={"help": "The model's folder (sparse/1); by default the one with the most images."}
    )
    images: str = field(default="", metadata={"help": "The folder of the images (images_4); searched for by default."})
    cloud: str = field(
        default="",
        metadata={
            "help": "A .ply, .pcd, .las, .laz or .xyz, or 'sparse'; else fused.ply, or the sparse points of the model."
        },
    )
    masks: str = field(
        default="",
        metadata={
            "help": "The folder with masks, NAME.png for image NAME as in COLMAP: 0 where pixels are not to be used.",
            "later": True,
        },
    )
    depth: Literal["auto", "geometric", "photometric", "none"] = field(
        default="auto", metadata={"help": "Depth maps to use; auto prefers geometric ones."}
    )
    world_scale: float | None = field(default=None, metadata={"help": "Units of the world per metre; 1 by default."})
    min_track: int = field(
        default=MIN_TRACK,
        metadata={"help": MIN_TRACK_HELP},
    )
    max_error: float | None = field(
        default=None,
        metadata={"help": "Maximum mean reprojection error of a sparse point in pixels; no limit by default."},
    )
    up_axis: UpAxis = field(default="auto", metadata={"help": UP_AXIS_HELP})

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_positive("world_scale", "max_error")
        self._require_counts("min_track", least=0)


def scene_names(root: Path, options: Options) -> list[str]:
    """The folders with a model: `root` itself, or those directly below it."""
    looked = "Looked for cameras and images, .bin or .txt, in it and in each of its folders"
    if options.model:
        expected = f"COLMAP model in {options.model}. {looked}"
    else:
        places = "sparse/0, sparse, dense/sparse, dense/0/sparse and beside them"
        expected = f"COLMAP model. {looked}: in {places}; name another place with --model"
    return scene_folders(root, partial(is_scene, model=options.model), expected)


def load_scene(root: Path, name: str, options: Options, unpacked: Path) -> Scene:
    """One scene, its points from its dense cloud or else from its model."""
    folder = scene_folder(root, name, partial(is_scene, model=options.model), "a COLMAP model")
    confined = Confined(folder, options.follow_links)
    workspace, findings = find_workspace(folder, options.model, options.images, confined)
    cameras = model_file(workspace.model, "cameras")
    assert cameras is not None
    scale = options.world_scale or 1.0
    masks = written_path(options.masks, confined) if options.masks else None
    reading = Reading(options.frame_stride, options.frame_limit, options.depth, scale, masks)
    lenses = read_cameras(confined(cameras))
    frames, more = read_frames(workspace, lenses, reading, confined, unpacked)
    findings += more
    if not frames:
        raise BadScene(f"{name}: no usable frame ({'; '.join(findings)})")
    sparse = _sparse(workspace, confined)
    if sparse is not None:
        findings += _reprojection(workspace, lenses, sparse[1], confined)
    points, more = _points(folder, workspace, sparse, options, confined)
    findings += more
    if options.world_scale is None:
        findings.append(UNKNOWN_SCALE)
    points = replace(points, xyz=points.xyz / scale)
    up_axis = up_axis_of(frames) if options.up_axis == "auto" else options.up_axis
    return Scene(name, frames, points, str(folder.absolute()), up_axis=up_axis, findings=tuple(findings))


def _sparse(workspace: Workspace, confined: Confined) -> tuple[Path, Points] | None:
    """The model's own points and their file."""
    file = model_file(workspace.model, "points3D")
    return None if file is None else (confined(file), read_points(confined(file)))


def _reprojection(workspace: Workspace, lenses: Mapping[int, Lens], points: Points, confined: Confined) -> list[str]:
    file = model_file(workspace.model, "images")
    assert file is not None
    poses = camera_to_world(workspace.registered.poses, 1.0)
    return check_reprojection(confined(file), workspace.registered, poses, lenses, points)


def _points(
    folder: Path,
    workspace: Workspace,
    sparse: tuple[Path, Points] | None,
    options: Options,
    confined: Confined,
) -> tuple[PointCloud, list[str]]:
    """The points in the world's units, and where they are from."""
    if options.cloud not in ("", "sparse"):
        return read_cloud(confined(folder / options.cloud)), [f"points: {options.cloud}"]
    if workspace.cloud is not None and options.cloud == "":
        return read_cloud(workspace.cloud), [f"points: {workspace.cloud.name}"]
    if sparse is None:
        raise BadScene(f"{folder.name}: neither points3D in {workspace.model} nor fused.ply; name a .ply with --cloud")
    points, finding = good_points(*sparse, options.min_track, options.max_error)
    return points, [f"points: {finding}"]
